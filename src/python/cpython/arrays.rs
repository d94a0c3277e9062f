//! Reads arrays of native numbers through the buffer protocol.

use std::marker::PhantomData;

use pyo3::buffer::{Element, ElementType, PyBuffer, PyUntypedBuffer};
use pyo3::prelude::*;

use super::visit_chunk;
use crate::numbers::{Number, NumberSource, Stop, Visitor};

/// The `struct` formats of native integers.
pub const INT_FORMATS: &[u8] = b"bBhHiIlLqQ";
/// The `struct` formats of native integers and floats.
pub const NUMBER_FORMATS: &[u8] = b"bBhHiIlLqQfd";

/// Returns the length of a one-dimensional buffer whose items have one of the formats, or `None` for another object.
pub fn array_len(array: &Bound<'_, PyAny>, formats: &[u8]) -> Option<usize> {
    native_buffer(array, formats).map(|buffer| buffer.item_count())
}

/// Returns the buffer of an object if it is one-dimensional and its items have one of the formats.
///
/// A format with a prefix is not accepted: PyO3 0.30 treats `>` as the native byte order on a little-endian machine.
fn native_buffer(array: &Bound<'_, PyAny>, formats: &[u8]) -> Option<PyUntypedBuffer> {
    let buffer = PyUntypedBuffer::get(array).ok()?;
    let is_native = matches!(buffer.format().to_bytes(), [letter] if formats.contains(letter));
    (is_native && buffer.dimensions() == 1 && buffer.suboffsets().is_none()).then_some(buffer)
}

/// Passes at most `max` items of an array, from index `from` on, to a visitor. Returns the index after the last item that
/// was passed, as [`super::read_list`] does. Stops with [`Stop::NotPlain`] at `from` if the object is no longer such an array.
///
/// Rule 4 holds because the buffer is exported and released within this call.
pub fn read_array<V: Visitor>(
    array: &Bound<'_, PyAny>,
    from: usize,
    max: usize,
    visitor: &mut V,
) -> Result<usize, Stop<V::Error>> {
    let Some(buffer) = native_buffer(array, NUMBER_FORMATS) else {
        return Err(Stop::NotPlain(from));
    };
    macro_rules! read_as {
        ($number:ty) => {
            match buffer.as_typed::<$number>() {
                Ok(typed) => read_typed(typed, from, max, visitor),
                Err(_) => Err(Stop::NotPlain(from)),
            }
        };
    }
    if buffer.item_count() == 0 {
        // The pointer to an empty buffer need not be aligned.
        return Ok(from);
    }
    match ElementType::from_format(buffer.format()) {
        ElementType::SignedInteger { bytes: 1 } => read_as!(i8),
        ElementType::SignedInteger { bytes: 2 } => read_as!(i16),
        ElementType::SignedInteger { bytes: 4 } => read_as!(i32),
        ElementType::SignedInteger { bytes: 8 } => read_as!(i64),
        ElementType::UnsignedInteger { bytes: 1 } => read_as!(u8),
        ElementType::UnsignedInteger { bytes: 2 } => read_as!(u16),
        ElementType::UnsignedInteger { bytes: 4 } => read_as!(u32),
        ElementType::UnsignedInteger { bytes: 8 } => read_as!(u64),
        ElementType::Float { bytes: 4 } => read_as!(f32),
        ElementType::Float { bytes: 8 } => read_as!(f64),
        _ => Err(Stop::NotPlain(from)),
    }
}

/// A type of array elements.
trait ArrayElement: Element {
    /// Returns the element as in [`NumberSource::get`].
    fn block(self) -> Option<usize>;
    /// Returns the element as in [`NumberSource::number`].
    fn number(self) -> Option<Number>;
}

macro_rules! impl_for_ints {
    ($($int:ty)*) => {
        $(impl ArrayElement for $int {
            #[inline]
            fn block(self) -> Option<usize> {
                // Up to `isize::MAX`, so that adding one does not overflow.
                isize::try_from(self).ok()?.try_into().ok()
            }

            #[inline]
            fn number(self) -> Option<Number> {
                Some(Number::Whole(u64::try_from(self).ok()?.into()))
            }
        })*
    };
}

macro_rules! impl_for_floats {
    ($($float:ty)*) => {
        $(impl ArrayElement for $float {
            #[inline]
            fn block(self) -> Option<usize> {
                None
            }

            #[inline]
            fn number(self) -> Option<Number> {
                Some(Number::Float(self.into()))
            }
        })*
    };
}

impl_for_ints!(i8 i16 i32 i64 u8 u16 u32 u64);
impl_for_floats!(f32 f64);

/// A chunk of an exported buffer, which it borrows.
struct ArrayItems<'a, T> {
    first: *const T,
    len: usize,
    /// The distance between two items in bytes.
    stride: isize,
    buffer: PhantomData<&'a PyBuffer<T>>,
}

impl<T: ArrayElement> ArrayItems<'_, T> {
    #[inline]
    fn item(&self, index: usize) -> T {
        assert!(index < self.len);
        // SAFETY: rule 4; the index is in range, the memory is aligned for `T`, and every bit pattern is a valid number.
        // The owner may write to the memory from a thread without the GIL: therefore the read is volatile. The offset of an
        // item in range does not wrap; wrapping arithmetic only avoids the overflow check.
        unsafe {
            self.first
                .byte_offset(index.cast_signed().wrapping_mul(self.stride))
                .read_volatile()
        }
    }
}

impl<T: ArrayElement> NumberSource for ArrayItems<'_, T> {
    #[inline]
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn get(&self, index: usize) -> Option<usize> {
        self.item(index).block()
    }

    #[inline]
    fn number(&self, index: usize) -> Option<Number> {
        self.item(index).number()
    }
}

/// Passes items of a buffer to a visitor, as [`read_array`] does.
fn read_typed<T: ArrayElement, V: Visitor>(
    buffer: &PyBuffer<T>,
    from: usize,
    max: usize,
    visitor: &mut V,
) -> Result<usize, Stop<V::Error>> {
    let stride = buffer.strides()[0];
    if !stride.unsigned_abs().is_multiple_of(align_of::<T>()) {
        return Err(Stop::NotPlain(from));
    }
    let end = buffer.item_count().min(from.saturating_add(max));
    let from = from.min(end);
    let items = ArrayItems {
        first: buffer
            .buf_ptr()
            .cast::<T>()
            .cast_const()
            .wrapping_byte_offset(from.cast_signed() * stride),
        len: end - from,
        stride,
        buffer: PhantomData,
    };
    visit_chunk(&items, from, visitor)
}
