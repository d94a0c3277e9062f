//! Arrays of native numbers, read through their buffers.

use std::marker::PhantomData;

use pyo3::buffer::{Element, ElementType, PyBuffer, PyUntypedBuffer};
use pyo3::prelude::*;

use super::read;
use crate::numbers::{Number, Numbers, Reader, Stop};

/// The formats of native integers.
pub const INTEGERS: &[u8] = b"bBhHiIlLqQ";
/// The formats of native integers and floats.
pub const NUMBERS: &[u8] = b"bBhHiIlLqQfd";

/// How many numbers there are in a one-dimensional buffer of native numbers in one of some formats. None for any other
/// object.
pub fn array_len(array: &Bound<'_, PyAny>, formats: &[u8]) -> Option<usize> {
    row_of(array, formats).map(|buffer| buffer.item_count())
}

/// The format is one letter only: PyO3 0.30 takes `>` for the native byte order of a little-endian machine.
fn row_of(array: &Bound<'_, PyAny>, formats: &[u8]) -> Option<PyUntypedBuffer> {
    let buffer = PyUntypedBuffer::get(array).ok()?;
    let native = matches!(buffer.format().to_bytes(), [letter] if formats.contains(letter));
    (native && buffer.dimensions() == 1 && buffer.suboffsets().is_none()).then_some(buffer)
}

/// Lets a reader read the numbers of an array from index `from` on, at most `most`. Returns where it ended, as
/// [`super::read_list`] does. If it is no longer an array of numbers, none of its items is plain.
///
/// The buffer is exported and released within the call: that is what rule 4 rests on.
pub fn read_array<R: Reader>(
    array: &Bound<'_, PyAny>,
    from: usize,
    most: usize,
    reader: &mut R,
) -> Result<usize, Stop<R::Error>> {
    let Some(buffer) = row_of(array, NUMBERS) else {
        return Err(Stop::NotPlain(from));
    };
    macro_rules! read_as {
        ($number:ty) => {
            match buffer.as_typed::<$number>() {
                Ok(typed) => read_row(typed, from, most, reader),
                Err(_) => Err(Stop::NotPlain(from)),
            }
        };
    }
    if buffer.item_count() == 0 {
        // An empty array's memory need not be aligned.
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

/// What an array holds.
trait Item: Element {
    fn block(self) -> Option<usize>;
    fn number(self) -> Option<Number>;
}

macro_rules! integers_are_items {
    ($($int:ty)*) => {
        $(impl Item for $int {
            #[inline]
            fn block(self) -> Option<usize> {
                // One more than any of these is a number too.
                isize::try_from(self).ok()?.try_into().ok()
            }

            #[inline]
            fn number(self) -> Option<Number> {
                Some(Number::Whole(u64::try_from(self).ok()?.into()))
            }
        })*
    };
}

macro_rules! floats_are_items {
    ($($float:ty)*) => {
        $(impl Item for $float {
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

integers_are_items!(i8 i16 i32 i64 u8 u16 u32 u64);
floats_are_items!(f32 f64);

/// The numbers of a row, in a buffer that is exported as long as this borrows it.
struct Row<'a, T> {
    first: *const T,
    len: usize,
    /// From one number to the next, in bytes.
    stride: isize,
    buffer: PhantomData<&'a PyBuffer<T>>,
}

impl<T: Item> Row<'_, T> {
    #[inline]
    fn item(&self, index: usize) -> T {
        assert!(index < self.len);
        // SAFETY: rule 4; the index is inside, the memory aligned for `T` and of numbers, which any bits are. Its owner
        // may write to it from a thread that needs no GIL: hence volatile, one read of whatever stands there. The offset of
        // what is inside does not wrap: that only spares the check.
        unsafe {
            self.first
                .byte_offset(index.cast_signed().wrapping_mul(self.stride))
                .read_volatile()
        }
    }
}

impl<T: Item> Numbers for Row<'_, T> {
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

fn read_row<T: Item, R: Reader>(
    buffer: &PyBuffer<T>,
    from: usize,
    most: usize,
    reader: &mut R,
) -> Result<usize, Stop<R::Error>> {
    let stride = buffer.strides()[0];
    if !stride.unsigned_abs().is_multiple_of(align_of::<T>()) {
        return Err(Stop::NotPlain(from));
    }
    let end = buffer.item_count().min(from.saturating_add(most));
    let from = from.min(end);
    let row = Row {
        first: buffer
            .buf_ptr()
            .cast::<T>()
            .cast_const()
            .wrapping_byte_offset(from.cast_signed() * stride),
        len: end - from,
        stride,
        buffer: PhantomData,
    };
    read(&row, from, reader)
}
