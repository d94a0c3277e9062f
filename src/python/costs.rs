//! Costs and sizes: numbers read out of Python objects, in place where they are kept as such.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyOverflowError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyComplex, PyFloat, PyInt, PyString};

use super::block::is_bool;
use super::error::{caused_by, memory_error, short_repr, wrong_type, wrong_value};
use super::sequences::{is_masked, to_list, wrong_dimensions};
use super::values::{Items, Read};
use super::{Ears, cpython, index, is_text};
use crate::numbers::byte_units::{self, Wrong};
use crate::numbers::{Number, Reader, Stop};
use crate::prefix_sums::{One, PrefixSums, PrefixSumsBuilder, SumsError};

/// Gives the name of an argument, `costs[3]` for example, where an error needs it.
pub type Name<'a> = &'a dyn Fn() -> String;

/// What the numbers of a sequence are.
#[derive(Clone, Copy)]
pub enum Kind {
    /// Any finite numbers that are not negative.
    Costs,
    /// Whole numbers of bytes below 2**127, which may be written as text with a unit.
    Sizes,
}

impl Kind {
    /// The argument, as errors call it.
    fn name(self) -> &'static str {
        match self {
            Self::Costs => "costs",
            Self::Sizes => "sizes",
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Costs => "a sequence of numbers",
            Self::Sizes => "a sequence of amounts of memory",
        }
    }

    /// Reads one number, by code of the user's if it is of a class of theirs.
    fn amount(self, value: &Bound<'_, PyAny>, argument: Name<'_>) -> PyResult<Number> {
        match self {
            Self::Costs => amount(
                any_number(value, argument, "a number")?,
                value.py(),
                argument,
                "0 or more",
            ),
            Self::Sizes => bytes(value, argument).map(Number::Whole),
        }
    }
}

/// The sums of the numbers in a sequence.
pub fn sums_of<'py>(ears: &mut Ears<'py>, kind: Kind, numbers: &Bound<'py, PyAny>) -> PyResult<PrefixSums> {
    let list;
    let items = if let Some(items) = items_in_place(kind.name(), numbers)? {
        items
    } else {
        list = to_list(kind.name(), numbers, kind.expected())?;
        Items::List(&list)
    };
    let mut builder = PrefixSumsBuilder::new(items.len(), matches!(kind, Kind::Sizes));
    let mut from = 0;
    loop {
        match items.read(ears, from, &mut builder)? {
            Read::All => return Ok(builder.finish()),
            Read::Error(error) => return Err(not_summed(kind, &items, error)),
            Read::NotPlain(index, item) => {
                let number = kind.amount(&item, &|| format!("{}[{index}]", kind.name()))?;
                if let Err(Stop::Error(error)) = builder.read(&One(number)) {
                    return Err(not_summed(kind, &items, error));
                }
                from = index + 1;
            }
        }
    }
}

fn not_summed(kind: Kind, items: &Items<'_, '_>, error: SumsError) -> PyErr {
    match error {
        SumsError::Memory => memory_error(&format!("the sums of {} numbers", items.len())),
        SumsError::TooLarge => PyValueError::new_err(format!("{} must add up to less than 2**128", kind.name())),
    }
}

/// A number that is finite and not negative; errors say that it must be `least`.
pub fn amount(number: AnyNumber<'_>, py: Python<'_>, argument: Name<'_>, least: &str) -> PyResult<Number> {
    match number {
        AnyNumber::Int(int) => match int.extract::<u128>() {
            Ok(whole) => Ok(Number::Whole(whole)),
            Err(_) if int.lt(0)? => Err(wrong_value(&argument(), least, &int)),
            Err(_) => Err(wrong_value(&argument(), "less than 2**128", &int)),
        },
        AnyNumber::Float(float) if Number::Float(float).is_amount() => Ok(Number::Float(float)),
        AnyNumber::Float(float) => {
            let expected = if float < 0.0 { least } else { "a finite number" };
            Err(wrong_value(&argument(), expected, PyFloat::new(py, float).as_any()))
        }
    }
}

/// What errors say of an amount of memory.
const EXPECTED_BYTES: &str = "a whole number of bytes below 2**127, or text such as '24GiB'";

/// A whole number of bytes below 2**127, or a text that stands for one.
pub fn bytes(value: &Bound<'_, PyAny>, argument: Name<'_>) -> PyResult<u128> {
    if let Ok(text) = value.cast::<PyString>() {
        return parse_bytes(text, argument);
    }
    if is_bool(value) {
        return Err(wrong_type(&argument(), EXPECTED_BYTES, value));
    }
    match exact(value, any_number(value, argument, EXPECTED_BYTES)?, argument)? {
        AnyNumber::Int(int) => {
            let whole = int.extract().ok().and_then(|whole| Number::Whole(whole).whole_bytes());
            whole.ok_or_else(|| wrong_value(&argument(), EXPECTED_BYTES, &int))
        }
        AnyNumber::Float(float) => Number::Float(float).whole_bytes().ok_or_else(|| {
            let got = PyFloat::new(value.py(), float);
            if !float.is_finite() || float.fract() == 0.0 || float < 0.0 {
                return wrong_value(&argument(), EXPECTED_BYTES, &got);
            }
            fraction_of_a_byte(argument, &got, &format!("write '{float}GiB' if it is in GiB"))
        }),
    }
}

/// The number that a value was read as, or instead of its float the int that a Fraction or a Decimal, for example, is equal
/// to; an error for a ratio that is not whole.
fn exact<'py>(value: &Bound<'py, PyAny>, number: AnyNumber<'py>, argument: Name<'_>) -> PyResult<AnyNumber<'py>> {
    let AnyNumber::Float(float) = number else {
        return Ok(number);
    };
    if !is_ratio(value)? {
        return Ok(number);
    }
    if !(0.5..2_f64.powi(128)).contains(&float) && (float != 0.0 || value.eq(0)?) {
        // The float says enough; the ratio of a Decimal may have a thousand million digits.
        return Ok(number);
    }
    if float == 0.0 {
        return Err(fraction_of_a_byte(argument, value, "round it"));
    }
    let ratio = value.call_method0(intern!(value.py(), "as_integer_ratio"))?;
    if ratio.get_item(1)?.eq(1)? {
        return Ok(AnyNumber::Int(ratio.get_item(0)?));
    }
    Err(fraction_of_a_byte(argument, value, "round it"))
}

fn fraction_of_a_byte(argument: Name<'_>, value: &Bound<'_, PyAny>, instead: &str) -> PyErr {
    match short_repr(value) {
        Ok(got) => PyValueError::new_err(format!(
            "{} must be an amount of memory, but {got} is not a whole number of bytes; {instead}",
            argument()
        )),
        Err(error) => error,
    }
}

/// Return the number of bytes that a text stands for.
///
/// The text is a number and a unit: B, KB, MB, GB, TB (powers of 1,000) or KiB, MiB, GiB, TiB (powers of 1,024). Letter
/// case does not matter, and there may be blanks around the number and the unit. ``"0.3KiB"`` is rounded down to a whole
/// byte; ``"0.5B"``, or less than a byte in another unit, is an error. (In accelerate ``"20gb"`` are gigabits; here they
/// are gigabytes.)
///
/// Args:
///     text: the amount of memory, ``"24GiB"`` for example.
///
/// Returns:
///     The number of bytes, below 2**127.
///
/// Raises:
///     TypeError: ``text`` is not a str.
///     ValueError: it has no number or no unit, or is not a whole number of bytes; the message says what to write instead.
///
/// Examples:
///     >>> parse_memory("1.5 GiB")
///     1610612736
#[pyfunction]
pub fn parse_memory<'py>(text: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let Ok(string) = text.cast::<PyString>() else {
        return Err(wrong_type("text", "a str", text));
    };
    Ok(parse_bytes(string, &|| "text".into())?
        .into_pyobject(text.py())?
        .into_any())
}

fn parse_bytes(text: &Bound<'_, PyString>, argument: Name<'_>) -> PyResult<u128> {
    const EXPECTED: &str = "a number and a unit (B, KB, MB, GB, TB, KiB, MiB, GiB or TiB)";
    byte_units::parse(&text.to_string_lossy()).map_err(|wrong| match wrong {
        Wrong::Text(None) => wrong_value(&argument(), EXPECTED, text),
        Wrong::Text(Some(instead)) => match short_repr(text) {
            Ok(got) => {
                let message = format!("{} must be {EXPECTED}, got {got}; write {instead}", argument());
                PyValueError::new_err(message)
            }
            Err(error) => error,
        },
        Wrong::Fraction => fraction_of_a_byte(argument, text, "round it"),
        Wrong::TooLarge => wrong_value(&argument(), "less than 2**127 bytes", text),
    })
}

/// Something that is a number, of any size.
pub enum AnyNumber<'py> {
    /// One that is an int, or gives one by `__index__`; an exact one, which runs no code of the user's.
    Int(Bound<'py, PyAny>),
    /// One that gives a float.
    Float(f64),
}

/// What a Python object is as a number; if it is none, the error says what is expected.
pub fn any_number<'py>(value: &Bound<'py, PyAny>, argument: Name<'_>, expected: &str) -> PyResult<AnyNumber<'py>> {
    if value.is_exact_instance_of::<PyInt>() {
        return Ok(AnyNumber::Int(value.clone()));
    }
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(AnyNumber::Float(float.value()));
    }
    let py = value.py();
    if value.hasattr(intern!(py, "__index__"))? {
        match index(value) {
            Ok(int) => return Ok(AnyNumber::Int(int)),
            // A tensor has an `__index__` whatever it holds, which raises if that is no integer.
            Err(error) if error.is_instance_of::<PyTypeError>(py) => {}
            Err(error) => return Err(error),
        }
    }
    if is_text(value) {
        return Err(wrong_type(&argument(), expected, value));
    }
    if is_complex(value)? {
        return Err(wrong_type(&argument(), "a real number", value));
    }
    value.extract().map(AnyNumber::Float).map_err(|error| {
        let named = if error.is_instance_of::<PyOverflowError>(py) {
            wrong_value(&argument(), "within the range of a float", value)
        } else if error.is_instance_of::<PyTypeError>(py) {
            wrong_type(&argument(), expected, value)
        } else if error.is_instance_of::<PyValueError>(py) || error.is_instance_of::<PyRuntimeError>(py) {
            // The latter from a tensor of several items, or without memory.
            wrong_value(&argument(), expected, value)
        } else {
            return error;
        };
        caused_by(py, named, error)
    })
}

/// Whether a number has a ratio of ints, and is neither an int nor a float: `Fraction`, `Decimal`.
pub fn is_ratio(value: &Bound<'_, PyAny>) -> PyResult<bool> {
    let py = value.py();
    let plain = value.is_instance_of::<PyFloat>() || value.hasattr(intern!(py, "__index__"))?;
    Ok(!plain && value.hasattr(intern!(py, "as_integer_ratio"))?)
}

/// Whether it is a complex number, of Python or with a dtype of numpy's or torch's that says so. A conversion to float would
/// drop the imaginary part, with a warning at best.
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

/// The items of a sequence that is kept as numbers, or as a list or tuple.
fn items_in_place<'a, 'py>(argument: &str, sequence: &'a Bound<'py, PyAny>) -> PyResult<Option<Items<'a, 'py>>> {
    if let Ok(list) = sequence.cast_exact() {
        return Ok(Some(Items::List(list)));
    }
    if let Ok(tuple) = sequence.cast_exact() {
        return Ok(Some(Items::Tuple(tuple)));
    }
    let dimensions = match PyUntypedBuffer::get(sequence) {
        Ok(buffer) => buffer.dimensions(),
        Err(_) => return Ok(None),
    };
    if dimensions != 1 {
        return Err(wrong_dimensions(argument, sequence, dimensions));
    }
    if is_masked(sequence)? {
        return Ok(None);
    }
    Ok(cpython::array_len(sequence, cpython::NUMBERS).map(|_| Items::Array(sequence)))
}
