//! Costs and sizes: numbers read out of Python objects, in place where they are kept as such.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFloat, PyInt, PyList, PyString};

use super::error::{type_error, value_error};
use super::values::{Items, Read};
use super::{Ears, index, is_iterable, is_set, layout, list_of, no_memory};
use crate::numbers::{Number, Reader};
use crate::sums::{One, Refusal, Summing, Sums, is_cost};

/// The sums of the numbers in a sequence, which errors call by its name.
pub fn sums_of<'py>(ears: &mut Ears<'py>, name: &str, numbers: &Bound<'py, PyAny>) -> PyResult<Sums> {
    let list;
    let items = if let Some(items) = items_in_place(name, numbers)? {
        items
    } else {
        list = drained(name, numbers, "a sequence of numbers")?;
        Items::List(&list)
    };
    let mut summing = Summing::try_new(items.len()).map_err(no_memory)?;
    let mut from = 0;
    loop {
        match items.read(ears, from, &mut summing)? {
            Read::All => return Ok(summing.finish()),
            Read::Refused => return Err(refused(ears.py, name, &mut summing)),
            Read::UpTo(index, item) => {
                let number = amount(&item, || format!("{name}[{index}]"))?;
                if summing.read(&One(number)).is_err() {
                    return Err(refused(ears.py, name, &mut summing));
                }
                from = index + 1;
            }
        }
    }
}

/// A number that is finite and not negative. Code of the user's runs if it is of a class of theirs.
pub fn amount(number: &Bound<'_, PyAny>, place: impl Fn() -> String) -> PyResult<Number> {
    let py = number.py();
    let wrong = |what: &str| Err(value_error(py, &format!("{} is {what}", place())));
    let number = any_number(number, &place)?;
    match number {
        AnyNumber::Int(int) => match int.extract::<u128>() {
            Ok(whole) => Ok(Number::Whole(whole)),
            Err(_) if int.lt(0)? => wrong(&match int.extract::<i128>() {
                Ok(whole) => format!("negative: {whole}"),
                Err(_) => "negative".into(),
            }),
            Err(_) => wrong("of more than 128 bits"),
        },
        AnyNumber::Float(float) if is_cost(Number::Float(float)) => Ok(Number::Float(float)),
        AnyNumber::Float(float) if float.is_nan() => wrong("not a number: nan"),
        AnyNumber::Float(float) if float < 0.0 => wrong(&format!("negative: {float:?}")),
        AnyNumber::Float(_) => wrong("infinite"),
    }
}

/// Something that is a number, of any size.
pub enum AnyNumber<'py> {
    /// One that is an int, or gives one by `__index__`; an exact one, which runs no code of the user's.
    Int(Bound<'py, PyAny>),
    /// One that gives a float.
    Float(f64),
}

/// What a Python object is as a number.
pub fn any_number<'py>(number: &Bound<'py, PyAny>, place: impl Fn() -> String) -> PyResult<AnyNumber<'py>> {
    if number.is_exact_instance_of::<PyInt>() {
        return Ok(AnyNumber::Int(number.clone()));
    }
    if let Ok(float) = number.cast::<PyFloat>() {
        return Ok(AnyNumber::Float(float.value()));
    }
    let py = number.py();
    if number.hasattr(intern!(py, "__index__"))? {
        match index(number) {
            Ok(int) => return Ok(AnyNumber::Int(int)),
            // A tensor has an `__index__` whatever it holds, which raises if that is no integer.
            Err(error) if error.is_instance_of::<PyTypeError>(py) => {}
            Err(error) => return Err(error),
        }
    }
    number.extract().map(AnyNumber::Float).map_err(|error| {
        if error.is_instance_of::<PyOverflowError>(py) {
            return value_error(py, &format!("{} is beyond any float", place()));
        }
        if !error.is_instance_of::<PyTypeError>(py) {
            return error;
        }
        let type_ = number.get_type();
        let type_ = type_.name().map_or_else(|_| "object".into(), |name| name.to_string());
        type_error(py, &format!("{} is of type {type_}, not a number", place()))
    })
}

/// A sequence's items in a list of their own, where it has an order; errors say what is wanted.
pub fn drained<'py>(name: &str, sequence: &Bound<'py, PyAny>, wanted: &str) -> PyResult<Bound<'py, PyList>> {
    let unordered = sequence.is_instance_of::<PyDict>() || is_set(sequence);
    if unordered || sequence.is_instance_of::<PyString>() || !is_iterable(sequence)? {
        let type_ = sequence.get_type();
        let text = format!("{name} is of type {}, not {wanted}", type_.name()?);
        return Err(type_error(sequence.py(), &text));
    }
    list_of(sequence)
}

/// The items of a sequence that is kept as numbers, or as a list or tuple.
fn items_in_place<'a, 'py>(name: &str, sequence: &'a Bound<'py, PyAny>) -> PyResult<Option<Items<'a, 'py>>> {
    if let Ok(list) = sequence.cast_exact() {
        return Ok(Some(Items::List(list)));
    }
    if let Ok(tuple) = sequence.cast_exact() {
        return Ok(Some(Items::Tuple(tuple)));
    }
    let Ok(buffer) = PyUntypedBuffer::get(sequence) else {
        return Ok(None);
    };
    if buffer.dimensions() != 1 {
        let text = format!("{name} has {} dimensions, not one", buffer.dimensions());
        return Err(value_error(sequence.py(), &text));
    }
    let plain = layout::is_row_of(&buffer, layout::INTEGERS) || layout::is_row_of(&buffer, layout::FLOATS);
    Ok(plain.then_some(Items::Array(sequence, buffer)))
}

fn refused(py: Python<'_>, name: &str, summing: &mut Summing) -> PyErr {
    match summing.refusal() {
        Refusal::Memory(error) => no_memory(error),
        Refusal::TooLarge => value_error(py, &format!("{name} add up to more than 128 bits can hold")),
    }
}
