//! Reads sequences of costs and sizes into prefix sums. Lists, tuples and arrays of native numbers are read in place.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::cpython;
use super::items::{Items, Read};
use super::memory::memory_error;
use super::numbers::{Label, parse_amount, parse_bytes, parse_number};
use super::sequences::{has_masked_values, num_dimensions_error, to_list};
use super::signals::SignalCheck;
use crate::numbers::{Number, Stop, Visitor};
use crate::prefix_sums::{PrefixSums, PrefixSumsBuilder, SingleNumber, SumsError};

/// What the numbers of a sequence stand for: costs or sizes.
#[derive(Clone, Copy)]
pub enum Quantity {
    /// Finite non-negative numbers.
    Costs,
    /// Amounts of memory: whole numbers of bytes below 2**127, or strings with a unit.
    Sizes,
}

impl Quantity {
    /// Returns the name of the argument that contains the numbers.
    fn name(self) -> &'static str {
        match self {
            Self::Costs => "costs",
            Self::Sizes => "sizes",
        }
    }

    /// Returns a description of the expected argument, for error messages.
    fn expected(self) -> &'static str {
        match self {
            Self::Costs => "a sequence of numbers",
            Self::Sizes => "a sequence of amounts of memory",
        }
    }

    /// Converts one item to a number. This may call methods of a user-defined class.
    fn parse(self, value: &Bound<'_, PyAny>, label: Label<'_>) -> PyResult<Number> {
        match self {
            Self::Costs => parse_amount(parse_number(value, label, "a number")?, value.py(), label, "0 or more"),
            Self::Sizes => parse_bytes(value, label).map(Number::Whole),
        }
    }
}

/// Returns the prefix sums of the numbers in a sequence.
pub fn read_prefix_sums<'py>(
    signals: &mut SignalCheck<'py>,
    quantity: Quantity,
    sequence: &Bound<'py, PyAny>,
) -> PyResult<PrefixSums> {
    let list;
    let items = if let Some(items) = items_in_place(quantity.name(), sequence)? {
        items
    } else {
        list = to_list(quantity.name(), sequence, quantity.expected())?;
        Items::List(&list)
    };
    let mut builder = PrefixSumsBuilder::new(items.len(), matches!(quantity, Quantity::Sizes));
    let mut from = 0;
    loop {
        match items.read(signals, from, &mut builder)? {
            Read::All => return Ok(builder.finish()),
            Read::Error(error) => return Err(sums_error(quantity, &items, error)),
            Read::NotPlain(index, item) => {
                let number = quantity.parse(&item, &|| format!("{}[{index}]", quantity.name()))?;
                if let Err(Stop::Error(error)) = builder.visit(&SingleNumber(number)) {
                    return Err(sums_error(quantity, &items, error));
                }
                from = index + 1;
            }
        }
    }
}

/// Converts an error of the builder to an exception.
fn sums_error(quantity: Quantity, items: &Items<'_, '_>, error: SumsError) -> PyErr {
    match error {
        SumsError::Memory => memory_error(&format!("the sums of {} numbers", items.len())),
        SumsError::TooLarge => PyValueError::new_err(format!("{} must add up to less than 2**128", quantity.name())),
    }
}

/// Returns the items of a list, a tuple or a buffer of native numbers. Returns `None` for other sequences.
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
        return Err(num_dimensions_error(argument, sequence, dimensions));
    }
    if has_masked_values(sequence)? {
        return Ok(None);
    }
    Ok(cpython::array_len(sequence, cpython::NUMBER_FORMATS).map(|_| Items::Array(sequence)))
}
