//! Sets cfgs such as `Py_3_12` for the version of Python that the extension is built for.

fn main() {
    #[cfg(feature = "python")]
    pyo3_build_config::use_pyo3_cfgs();
}
