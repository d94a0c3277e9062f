//! Reads a safetensors checkpoint: a single file, or an index and the files that it names.

use std::collections::HashSet;
use std::path::Path;

use super::groups::Groups;
use super::index::{self, Index};
use super::{FileError, HeaderError, safetensors};

/// The largest number of differences between the index and the files that an error lists.
const MAX_LISTED: usize = 3;

/// The tensors that only the index or only the files contain.
#[derive(Default)]
struct Differences {
    count: usize,
    /// The first of them, as `'name' in 'file'`.
    listed: Vec<String>,
}

impl Differences {
    fn add(&mut self, tensor: &str, shard: &str) {
        self.count += 1;
        if self.listed.len() < MAX_LISTED {
            self.listed.push(format!("{tensor:?} in {shard:?}"));
        }
    }

    /// Describes the differences, or returns `None` if there are none.
    fn describe(&self, container: &str) -> Option<String> {
        let more = match self.count - self.listed.len() {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (self.count > 0).then(|| format!("only the {container}: {}{more}", self.listed.join(", ")))
    }
}

/// Reads the header of a file, and groups its tensors.
pub fn read_file(path: &Path) -> Result<Groups, FileError> {
    let mut groups = Groups::default();
    let mut names = HashSet::new();
    safetensors::read(path, |tensor| {
        if !names.insert(tensor.name.to_owned()) {
            return Err("this name occurs twice".to_owned());
        }
        groups.add(tensor)
    })
    .map_err(FileError::at(path))?;
    Ok(groups)
}

/// Reads the headers of all files that an index names, and groups their tensors. `check_signals` is called before each file.
///
/// The index and the files must name the same tensors.
pub fn read_sharded<E: From<FileError>>(
    index_path: &Path,
    mut check_signals: impl FnMut() -> Result<(), E>,
) -> Result<Groups, E> {
    let text = index::read(index_path).map_err(FileError::at(index_path))?;
    let mut index = Index::parse(&text).map_err(FileError::at(index_path))?;
    let mut groups = Groups::default();
    let mut only_in_files = Differences::default();
    for (number, shard) in index.shards.clone().iter().enumerate() {
        check_signals()?;
        let path = index_path.with_file_name(shard);
        safetensors::read(&path, |tensor| {
            if !index.mark_found(tensor.name, number)? {
                only_in_files.add(tensor.name, shard);
            }
            groups.add(tensor)
        })
        .map_err(FileError::at(&path))?;
    }
    let mut only_in_index = Differences::default();
    let mut not_found: Vec<_> = index.not_found().collect();
    not_found.sort_unstable();
    for (tensor, shard) in not_found {
        only_in_index.add(tensor, shard);
    }
    let differences = [
        only_in_index.describe("index has"),
        only_in_files.describe("files have"),
    ];
    let differences: Vec<_> = differences.into_iter().flatten().collect();
    if differences.is_empty() {
        return Ok(groups);
    }
    let error = HeaderError::IndexMismatch(differences.join("; "));
    Err(FileError::at(index_path)(error).into())
}
