//! The values of a device map, taken once, in a form that can be read again and again.

use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyMemoryError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyList, PyRange, PyRangeMethods, PyTuple, PyType};

use super::block::{Kind, Kinds};
use super::{BETWEEN_SIGNALS, ask_for, hear_signals, layout, list_of, no_memory};
use crate::coverage::{Coverage, Stop};
use crate::progression::Progression;

/// The blocks of one device, in a form whose items come without any code written in Python.
pub enum Value<'py> {
    /// A list, or what another iterable gave.
    List(Bound<'py, PyList>),
    /// A tuple.
    Tuple(Bound<'py, PyTuple>),
    /// A range, and its numbers.
    Range(Bound<'py, PyRange>, Progression),
    /// A one-dimensional array of native integers, and its memory.
    Array(Bound<'py, PyAny>, PyUntypedBuffer),
}

/// Takes the values of a device map, as the original does: all of them first, then their items in order.
///
/// Where each value can be read in place, each is kept as it is. Otherwise code of the user's runs while one is read,
/// and may change the others, so all items are put into one list, in the original's order.
pub fn values_of<'py>(device_map: &Bound<'py, PyAny>) -> PyResult<Vec<Value<'py>>> {
    let py = device_map.py();
    let taken = if let Ok(dict) = device_map.cast_exact::<PyDict>() {
        dict.values()
    } else {
        list_of(&device_map.call_method0(intern!(py, "values"))?)?
    };
    let mut in_place = Vec::new();
    in_place.try_reserve_exact(taken.len()).map_err(no_memory)?;
    for value in &taken {
        match Value::in_place(&value) {
            Some(value) => in_place.push(value),
            None => return Ok(vec![Value::List(drain(&taken)?)]),
        }
    }
    Ok(in_place)
}

/// The items of all values, in one list.
fn drain<'py>(values: &Bound<'py, PyList>) -> PyResult<Bound<'py, PyList>> {
    let all = PyList::empty(values.py());
    for value in values {
        if let Ok(range) = value.cast_exact::<PyRange>() {
            ask_for(range.len().map_err(|_| PyMemoryError::new_err(()))?)?;
        }
        for item in value.try_iter()? {
            all.append(item?)?;
            hear_signals(values.py(), all.len())?;
        }
    }
    Ok(all)
}

/// All items of some values, in one list.
pub fn flatten<'py>(py: Python<'py>, values: &[Value<'py>]) -> PyResult<Bound<'py, PyList>> {
    drain(&PyList::new(py, values.iter().map(Value::object))?)
}

impl<'py> Value<'py> {
    /// The value as it is, if its items come without any code written in Python.
    fn in_place(value: &Bound<'py, PyAny>) -> Option<Self> {
        if let Ok(list) = value.cast_exact::<PyList>() {
            return Some(Self::List(list.clone()));
        }
        if let Ok(tuple) = value.cast_exact::<PyTuple>() {
            return Some(Self::Tuple(tuple.clone()));
        }
        if let Ok(range) = value.cast_exact::<PyRange>() {
            return progression(range).map(|numbers| Self::Range(range.clone(), numbers));
        }
        if is_array(&value.get_type()) {
            let buffer = PyUntypedBuffer::get(value).ok()?;
            return layout::is_plain_array(&buffer).then(|| Self::Array(value.clone(), buffer));
        }
        None
    }

    /// The list, tuple, range or array itself. Iterating over it runs no code written in Python.
    pub fn object(&self) -> &Bound<'py, PyAny> {
        match self {
            Self::List(list) => list,
            Self::Tuple(tuple) => tuple,
            Self::Range(range, _) => range,
            Self::Array(array, _) => array,
        }
    }

    /// Takes the value's blocks, whole runs at a time. False if that is not all there is to say: a block is taken
    /// twice, is not one of the model's, or is no number.
    pub fn take(&self, kinds: &mut Kinds<'py>, coverage: &mut Coverage) -> PyResult<bool> {
        match self {
            Self::List(list) => take_items(list, kinds, coverage, |from, coverage| {
                layout::take_list(list, from, BETWEEN_SIGNALS, coverage)
            }),
            Self::Tuple(tuple) => take_items(tuple, kinds, coverage, |from, coverage| {
                layout::take_tuple(tuple, from, BETWEEN_SIGNALS, coverage)
            }),
            Self::Array(array, buffer) => take_items(array, kinds, coverage, |from, coverage| {
                layout::take_array(buffer, from, BETWEEN_SIGNALS, coverage)
            }),
            Self::Range(range, numbers) => {
                let all = 0..numbers.len();
                if numbers.indices_within(coverage.blocks()) != all {
                    return Ok(false);
                }
                for (index, run) in numbers.runs(all).enumerate() {
                    hear_signals(range.py(), index)?;
                    if !coverage.take(run) {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
        }
    }
}

/// Takes the blocks of a sequence: plain ints by `take_plain`, which reads up to [`BETWEEN_SIGNALS`] of them from an
/// index on and gives where it ended, other kinds of numbers one by one.
fn take_items<'py>(
    items: &Bound<'py, PyAny>,
    kinds: &mut Kinds<'py>,
    coverage: &mut Coverage,
    take_plain: impl Fn(usize, &mut Coverage) -> Result<usize, Stop>,
) -> PyResult<bool> {
    let mut from = 0;
    loop {
        match take_plain(from, coverage) {
            Ok(end) if end < from + BETWEEN_SIGNALS => return Ok(true),
            Ok(end) => from = end,
            Err(Stop::Refused) => return Ok(false),
            Err(Stop::NotPlain(index)) => {
                let Ok(item) = items.get_item(index) else {
                    return Ok(false);
                };
                match kinds.of(&item) {
                    Kind::Number(number) if coverage.take_number(number) => from = index + 1,
                    _ => return Ok(false),
                }
            }
        }
        hear_signals(items.py(), from.wrapping_sub(1))?;
    }
}

fn progression(range: &Bound<'_, PyRange>) -> Option<Progression> {
    let start = i64::try_from(range.start().ok()?).ok()?;
    let step = i64::try_from(range.step().ok()?).ok()?;
    Progression::new(start, step, range.len().ok()?)
}

/// Whether a type is `numpy.ndarray` or `array.array` and no subclass, which might give its items otherwise.
fn is_array(type_: &Bound<'_, PyType>) -> bool {
    static ARRAY: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    match layout::static_type_name(type_) {
        Some(name) => name == c"numpy.ndarray",
        None => ARRAY
            .import(type_.py(), "array", "array")
            .is_ok_and(|array| array.is(type_)),
    }
}
