mod checkpoint;
mod gguf;
mod index;
mod safetensors;
mod untrusted;

use super::{HeaderError, Tensor};

/// A tensor with its own strings.
type OwnedTensor = (String, String, u64);

/// Returns a function that collects tensors, for the argument `visit`.
fn collect(tensors: &mut Vec<OwnedTensor>) -> impl FnMut(Tensor<'_>) -> Result<(), String> + '_ {
    |tensor| {
        tensors.push((tensor.name.to_owned(), tensor.dtype.to_owned(), tensor.bytes));
        Ok(())
    }
}

/// Returns the message of the error for an invalid header.
fn message<T>(result: Result<T, HeaderError>) -> String {
    match result {
        Err(HeaderError::Invalid { message, .. }) => message,
        Err(error) => format!("{error:?}"),
        Ok(_) => String::new(),
    }
}
