//! Reads the headers of checkpoints: the names, dtypes and bytes of their tensors, but not the data.
//!
//! A header is untrusted input. All lengths and counts are compared with the length of the file before they are used, so
//! that no input causes a panic, an endless loop, or more memory use than a small multiple of the header's length.

pub mod checkpoint;
pub mod gguf;
pub mod groups;
pub mod index;
mod json;
pub mod safetensors;

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

/// The largest length of a header in bytes. It is the limit of the safetensors format, and is also applied to GGUF files and
/// to index files.
pub const MAX_HEADER_LEN: u64 = 100_000_000;

/// A tensor of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tensor<'a> {
    /// The name of the tensor.
    pub name: &'a str,
    /// The name of the data type, as in the file.
    pub dtype: &'a str,
    /// The length of the data in bytes.
    pub bytes: u64,
}

/// Why a header cannot be read.
#[derive(Debug)]
pub enum HeaderError {
    /// An operation on the file failed.
    Io(io::Error),
    /// The file is not a regular file but, for example, a directory or a FIFO.
    NotAFile,
    /// The file is a Git LFS pointer, which stands for a file that has not been downloaded.
    LfsPointer,
    /// The index and the files name different tensors.
    IndexMismatch(String),
    /// The header is invalid.
    Invalid {
        /// The position in the file, in bytes.
        position: u64,
        /// What is wrong.
        message: String,
    },
}

/// Why a checkpoint cannot be read: the file, and the error in this file.
#[derive(Debug)]
pub struct FileError {
    /// The path of the file.
    pub path: PathBuf,
    /// Why the file cannot be read.
    pub error: HeaderError,
}

impl FileError {
    /// Returns a function that adds the path of a file to an error.
    fn at(path: &Path) -> impl FnOnce(HeaderError) -> Self + '_ {
        |error| Self {
            path: path.to_owned(),
            error,
        }
    }
}

impl From<io::Error> for HeaderError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl HeaderError {
    /// Returns the error for an invalid header.
    fn invalid(position: u64, message: impl Into<String>) -> Self {
        Self::Invalid {
            position,
            message: message.into(),
        }
    }
}

/// Opens a regular file, and returns it with its length in bytes. Files of other types are not opened, since opening a FIFO
/// waits for a writer.
fn open(path: &Path) -> Result<(File, u64), HeaderError> {
    if !path.metadata()?.is_file() {
        return Err(HeaderError::NotAFile);
    }
    let file = File::open(path)?;
    let len = file.metadata()?.len();
    Ok((file, len))
}

/// The first bytes of a Git LFS pointer.
const LFS_POINTER: &[u8] = b"version https://git-lfs.github.com/spec/";

#[cfg(test)]
mod tests;
