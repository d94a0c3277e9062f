//! Conversion of single Python objects to numbers and to amounts of memory.

use pyo3::exceptions::{PyOverflowError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyComplex, PyFloat, PyInt, PyString};

use super::error::{caused_by, short_repr, type_error, value_error};
use super::item::is_bool;
use super::objects::{is_str_or_bytes, to_index};
use crate::numbers::Number;
use crate::numbers::byte_units::{self, ParseError};

/// A function that returns the name of a value in error messages, such as `costs[3]`. The name is created only if there is
/// an error.
pub type Label<'a> = &'a dyn Fn() -> String;

/// What an error message says that an amount of memory must be.
const EXPECTED_BYTES: &str = "a whole number of bytes below 2**127, or text such as '24GiB'";

/// A number of any size.
pub enum PyNumber<'py> {
    /// An exact int: the object itself, or the result of `__index__`.
    Int(Bound<'py, PyAny>),
    /// The result of `__float__`.
    Float(f64),
}

/// Converts an object to a number. Returns an error stating that the value must be `expected` if it is not a number.
pub fn parse_number<'py>(value: &Bound<'py, PyAny>, label: Label<'_>, expected: &str) -> PyResult<PyNumber<'py>> {
    if value.is_exact_instance_of::<PyInt>() {
        return Ok(PyNumber::Int(value.clone()));
    }
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(PyNumber::Float(float.value()));
    }
    let py = value.py();
    if value.hasattr(intern!(py, "__index__"))? {
        match to_index(value) {
            Ok(int) => return Ok(PyNumber::Int(int)),
            // Every tensor has `__index__`, which raises if the tensor is not an integer.
            Err(error) if error.is_instance_of::<PyTypeError>(py) => {}
            Err(error) => return Err(error),
        }
    }
    if is_str_or_bytes(value) {
        return Err(type_error(&label(), expected, value));
    }
    if is_complex(value)? {
        return Err(type_error(&label(), "a real number", value));
    }
    let out_of_range_error = || value_error(&label(), "within the range of a float", value);
    let float: f64 = value.extract().map_err(|error: PyErr| {
        let labelled = if error.is_instance_of::<PyOverflowError>(py) {
            out_of_range_error()
        } else if error.is_instance_of::<PyTypeError>(py) {
            type_error(&label(), expected, value)
        } else if error.is_instance_of::<PyValueError>(py) || error.is_instance_of::<PyRuntimeError>(py) {
            // PyTorch raises RuntimeError for a tensor with more than one element and for a tensor on the device "meta".
            value_error(&label(), expected, value)
        } else {
            return error;
        };
        caused_by(py, labelled, error)
    })?;
    if float.is_infinite() && is_fraction_or_decimal(value)? && !value.eq(float)? {
        // A finite Decimal such as 1e400. A Fraction raises OverflowError instead.
        return Err(out_of_range_error());
    }
    Ok(PyNumber::Float(float))
}

/// Checks that a number is finite and not negative. Returns an error stating that the value must be `expected` if it is
/// negative.
pub fn parse_amount(number: PyNumber<'_>, py: Python<'_>, label: Label<'_>, expected: &str) -> PyResult<Number> {
    match number {
        PyNumber::Int(int) => match int.extract::<u128>() {
            Ok(whole) => Ok(Number::Whole(whole)),
            Err(_) if int.lt(0)? => Err(value_error(&label(), expected, &int)),
            Err(_) => Err(value_error(&label(), "less than 2**128", &int)),
        },
        PyNumber::Float(float) if Number::Float(float).is_amount() => Ok(Number::Float(float)),
        PyNumber::Float(float) => {
            let expected = if float < 0.0 { expected } else { "a finite number" };
            Err(value_error(&label(), expected, PyFloat::new(py, float).as_any()))
        }
    }
}

/// Converts an amount of memory, a number or a str with a unit, to a whole number of bytes below 2**127.
pub fn parse_bytes(value: &Bound<'_, PyAny>, label: Label<'_>) -> PyResult<u128> {
    if let Ok(text) = value.cast::<PyString>() {
        return parse_bytes_text(text, label);
    }
    if is_bool(value) {
        return Err(type_error(&label(), EXPECTED_BYTES, value));
    }
    match to_exact_int(value, parse_number(value, label, EXPECTED_BYTES)?, label)? {
        PyNumber::Int(int) => {
            let whole = int.extract().ok().and_then(|whole| Number::Whole(whole).whole_bytes());
            whole.ok_or_else(|| value_error(&label(), EXPECTED_BYTES, &int))
        }
        PyNumber::Float(float) => Number::Float(float).whole_bytes().ok_or_else(|| {
            let got = PyFloat::new(value.py(), float);
            if !float.is_finite() || float.fract() == 0.0 || float < 0.0 {
                return value_error(&label(), EXPECTED_BYTES, &got);
            }
            fractional_bytes_error(label, &got, &format!("write '{float}GiB' if it is in GiB"))
        }),
    }
}

/// Converts a `Fraction`, a `Decimal` or a similar number to the int that it equals. Returns an error if it lies between two
/// ints. `number` is the result of [`parse_number`]; an int, or a float that is not such a number, is returned unchanged.
fn to_exact_int<'py>(value: &Bound<'py, PyAny>, number: PyNumber<'py>, label: Label<'_>) -> PyResult<PyNumber<'py>> {
    let PyNumber::Float(float) = number else {
        return Ok(number);
    };
    if !is_fraction_or_decimal(value)? {
        return Ok(number);
    }
    if !(0.5..2_f64.powi(128)).contains(&float) && (float != 0.0 || value.eq(0)?) {
        // The caller rejects this float, except 0. The integer ratio of a Decimal such as 1e999999999 would not fit in
        // memory.
        return Ok(number);
    }
    if float == 0.0 {
        // The number is not 0, but so small that its float is.
        return Err(fractional_bytes_error(label, value, "round it"));
    }
    let ratio = value.call_method0(intern!(value.py(), "as_integer_ratio"))?;
    if ratio.get_item(1)?.eq(1)? {
        return Ok(PyNumber::Int(ratio.get_item(0)?));
    }
    Err(fractional_bytes_error(label, value, "round it"))
}

/// Returns the `ValueError` for an amount of memory that is not a whole number of bytes.
fn fractional_bytes_error(label: Label<'_>, value: &Bound<'_, PyAny>, hint: &str) -> PyErr {
    match short_repr(value) {
        Ok(got) => PyValueError::new_err(format!(
            "{} must be an amount of memory, but {got} is not a whole number of bytes; {hint}",
            label()
        )),
        Err(error) => error,
    }
}

/// Convert an amount of memory such as ``"24GiB"`` to a number of bytes.
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
        return Err(type_error("text", "a str", text));
    };
    Ok(parse_bytes_text(string, &|| "text".into())?
        .into_pyobject(text.py())?
        .into_any())
}

/// Converts text with a unit to a number of bytes.
fn parse_bytes_text(text: &Bound<'_, PyString>, label: Label<'_>) -> PyResult<u128> {
    const EXPECTED: &str = "a number and a unit (B, KB, MB, GB, TB, KiB, MiB, GiB or TiB)";
    byte_units::parse(&text.to_string_lossy()).map_err(|error| match error {
        ParseError::Text(None) => value_error(&label(), EXPECTED, text),
        ParseError::Text(Some(suggestion)) => match short_repr(text) {
            Ok(got) => {
                let message = format!("{} must be {EXPECTED}, got {got}; write {suggestion}", label());
                PyValueError::new_err(message)
            }
            Err(error) => error,
        },
        ParseError::Fraction => fractional_bytes_error(label, text, "round it"),
        ParseError::TooLarge => value_error(&label(), "less than 2**127 bytes", text),
    })
}

/// Returns `true` if an object is a number with `as_integer_ratio` that is neither an int nor a float, such as a `Fraction`
/// or a `Decimal`.
pub fn is_fraction_or_decimal(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = value.py();
    let is_builtin = value.is_instance_of::<PyFloat>() || value.hasattr(intern!(py, "__index__"))?;
    Ok(!is_builtin && value.hasattr(intern!(py, "as_integer_ratio"))?)
}

/// Returns `true` if an object is a complex number, or a NumPy or torch object whose dtype is complex. Converting such an
/// object to a float would discard its imaginary part, in some cases without a warning.
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
