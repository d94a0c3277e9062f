//! Converts single Python objects to numbers and to amounts of memory.

use pyo3::exceptions::{PyOverflowError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyComplex, PyFloat, PyInt, PyString};

use super::error::{caused_by, short_repr, wrong_type, wrong_value};
use super::item::is_bool;
use super::objects::{index, is_text};
use crate::numbers::Number;
use crate::numbers::byte_units::{self, ParseError};

/// Returns the name of a value in error messages, such as `costs[3]`. It is a function because most values need no name.
pub type Label<'a> = &'a dyn Fn() -> String;

/// What an error message says that an amount of memory must be.
const EXPECTED_BYTES: &str = "a whole number of bytes below 2**127, or text such as '24GiB'";

/// A number of any size.
pub enum PyNumber<'py> {
    /// An exact int: the object itself, or the result of its `__index__`.
    Int(Bound<'py, PyAny>),
    /// The result of its `__float__`.
    Float(f64),
}

/// Converts an object to a number. An object that is not a number is an error which says that it must be `expected`.
pub fn parse_number<'py>(value: &Bound<'py, PyAny>, label: Label<'_>, expected: &str) -> PyResult<PyNumber<'py>> {
    if value.is_exact_instance_of::<PyInt>() {
        return Ok(PyNumber::Int(value.clone()));
    }
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(PyNumber::Float(float.value()));
    }
    let py = value.py();
    if value.hasattr(intern!(py, "__index__"))? {
        match index(value) {
            Ok(int) => return Ok(PyNumber::Int(int)),
            // Every tensor has `__index__`, which raises if the tensor is not an integer.
            Err(error) if error.is_instance_of::<PyTypeError>(py) => {}
            Err(error) => return Err(error),
        }
    }
    if is_text(value) {
        return Err(wrong_type(&label(), expected, value));
    }
    if is_complex(value)? {
        return Err(wrong_type(&label(), "a real number", value));
    }
    value.extract().map(PyNumber::Float).map_err(|error| {
        let labelled = if error.is_instance_of::<PyOverflowError>(py) {
            wrong_value(&label(), "within the range of a float", value)
        } else if error.is_instance_of::<PyTypeError>(py) {
            wrong_type(&label(), expected, value)
        } else if error.is_instance_of::<PyValueError>(py) || error.is_instance_of::<PyRuntimeError>(py) {
            // torch raises RuntimeError for a tensor of several items and for one on the device "meta".
            wrong_value(&label(), expected, value)
        } else {
            return error;
        };
        caused_by(py, labelled, error)
    })
}

/// Converts a number to a finite non-negative one. A negative number is an error which says that it must be `expected`.
pub fn parse_amount(number: PyNumber<'_>, py: Python<'_>, label: Label<'_>, expected: &str) -> PyResult<Number> {
    match number {
        PyNumber::Int(int) => match int.extract::<u128>() {
            Ok(whole) => Ok(Number::Whole(whole)),
            Err(_) if int.lt(0)? => Err(wrong_value(&label(), expected, &int)),
            Err(_) => Err(wrong_value(&label(), "less than 2**128", &int)),
        },
        PyNumber::Float(float) if Number::Float(float).is_amount() => Ok(Number::Float(float)),
        PyNumber::Float(float) => {
            let expected = if float < 0.0 { expected } else { "a finite number" };
            Err(wrong_value(&label(), expected, PyFloat::new(py, float).as_any()))
        }
    }
}

/// Converts an amount of memory, a number or text with a unit, to a whole number of bytes below 2**127.
pub fn parse_bytes(value: &Bound<'_, PyAny>, label: Label<'_>) -> PyResult<u128> {
    if let Ok(text) = value.cast::<PyString>() {
        return parse_bytes_text(text, label);
    }
    if is_bool(value) {
        return Err(wrong_type(&label(), EXPECTED_BYTES, value));
    }
    match to_exact_int(value, parse_number(value, label, EXPECTED_BYTES)?, label)? {
        PyNumber::Int(int) => {
            let whole = int.extract().ok().and_then(|whole| Number::Whole(whole).whole_bytes());
            whole.ok_or_else(|| wrong_value(&label(), EXPECTED_BYTES, &int))
        }
        PyNumber::Float(float) => Number::Float(float).whole_bytes().ok_or_else(|| {
            let got = PyFloat::new(value.py(), float);
            if !float.is_finite() || float.fract() == 0.0 || float < 0.0 {
                return wrong_value(&label(), EXPECTED_BYTES, &got);
            }
            fractional_bytes(label, &got, &format!("write '{float}GiB' if it is in GiB"))
        }),
    }
}

/// Replaces the float of a number such as a Fraction or a Decimal by the int that the number equals. A number between two
/// ints is an error.
fn to_exact_int<'py>(value: &Bound<'py, PyAny>, number: PyNumber<'py>, label: Label<'_>) -> PyResult<PyNumber<'py>> {
    let PyNumber::Float(float) = number else {
        return Ok(number);
    };
    if !is_ratio(value)? {
        return Ok(number);
    }
    if !(0.5..2_f64.powi(128)).contains(&float) && (float != 0.0 || value.eq(0)?) {
        // The float suffices to decide; the integer ratio of a Decimal such as 1e999999999 would not fit in memory.
        return Ok(number);
    }
    if float == 0.0 {
        return Err(fractional_bytes(label, value, "round it"));
    }
    let ratio = value.call_method0(intern!(value.py(), "as_integer_ratio"))?;
    if ratio.get_item(1)?.eq(1)? {
        return Ok(PyNumber::Int(ratio.get_item(0)?));
    }
    Err(fractional_bytes(label, value, "round it"))
}

/// Returns the `ValueError` for an amount of memory that is not a whole number of bytes.
fn fractional_bytes(label: Label<'_>, value: &Bound<'_, PyAny>, advice: &str) -> PyErr {
    match short_repr(value) {
        Ok(got) => PyValueError::new_err(format!(
            "{} must be an amount of memory, but {got} is not a whole number of bytes; {advice}",
            label()
        )),
        Err(error) => error,
    }
}

/// Return the number of bytes that a text stands for.
///
/// The text is a number followed by a unit: B, KB, MB, GB or TB (powers of 1,000), or KiB, MiB, GiB or TiB (powers of
/// 1,024). Letter case does not matter, and spaces around the number and the unit are ignored. ``"0.3KiB"`` is rounded down
/// to whole bytes; ``"0.5B"``, or less than one byte in another unit, is an error. (accelerate reads ``"20gb"`` as
/// gigabits; here it means gigabytes.)
///
/// Args:
///     text: The amount of memory, such as ``"24GiB"``.
///
/// Returns:
///     The number of bytes, below 2**127.
///
/// Raises:
///     TypeError: ``text`` is not a str.
///     ValueError: ``text`` is not a number followed by a unit, or a fraction of a byte. The message suggests a correction if
///         there is an obvious one.
///
/// Examples:
///     >>> parse_memory("1.5 GiB")
///     1610612736
#[pyfunction]
pub fn parse_memory<'py>(text: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let Ok(string) = text.cast::<PyString>() else {
        return Err(wrong_type("text", "a str", text));
    };
    Ok(parse_bytes_text(string, &|| "text".into())?
        .into_pyobject(text.py())?
        .into_any())
}

/// Converts text with a unit to a number of bytes.
fn parse_bytes_text(text: &Bound<'_, PyString>, label: Label<'_>) -> PyResult<u128> {
    const EXPECTED: &str = "a number and a unit (B, KB, MB, GB, TB, KiB, MiB, GiB or TiB)";
    byte_units::parse(&text.to_string_lossy()).map_err(|error| match error {
        ParseError::Text(None) => wrong_value(&label(), EXPECTED, text),
        ParseError::Text(Some(suggestion)) => match short_repr(text) {
            Ok(got) => {
                let message = format!("{} must be {EXPECTED}, got {got}; write {suggestion}", label());
                PyValueError::new_err(message)
            }
            Err(error) => error,
        },
        ParseError::Fraction => fractional_bytes(label, text, "round it"),
        ParseError::TooLarge => wrong_value(&label(), "less than 2**127 bytes", text),
    })
}

/// Returns whether an object is a number with `as_integer_ratio` that is neither an int nor a float, such as a `Fraction`
/// or a `Decimal`.
pub fn is_ratio(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = value.py();
    let is_builtin = value.is_instance_of::<PyFloat>() || value.hasattr(intern!(py, "__index__"))?;
    Ok(!is_builtin && value.hasattr(intern!(py, "as_integer_ratio"))?)
}

/// Returns whether an object is a complex number, or a numpy or torch object whose dtype is complex. Converting such an
/// object to a float would drop its imaginary part, at best with a warning.
fn is_complex(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = value.py();
    if value.is_instance_of::<PyComplex>() {
        return Ok(true);
    }
    let Some(dtype) = value.getattr_opt(intern!(py, "dtype"))? else {
        return Ok(false);
    };
    if let Some(kind) = dtype.getattr_opt(intern!(py, "kind"))? {
        return kind.eq(intern!(py, "c"));
    }
    match dtype.getattr_opt(intern!(py, "is_complex"))? {
        Some(is_complex) => is_complex.is_truthy(),
        None => Ok(false),
    }
}
