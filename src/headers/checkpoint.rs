//! Reads the files of a checkpoint: a single safetensors file, an index and the files that it names, or GGUF files.

use std::collections::HashSet;
use std::num::NonZero;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::gguf::{self, Metadata};
use super::groups::Groups;
use super::index::{self, ExpectedTensors, Index, Shard};
use super::{FileError, HeaderError, safetensors};

/// The smallest number of tensors for which another thread is started.
const MIN_TENSORS_PER_THREAD: usize = 8192;

/// The time between two checks for signals while this thread waits for the others.
const POLL_INTERVAL: Duration = Duration::from_micros(200);

/// The largest number of threads.
const MAX_THREADS: usize = 8;

/// The largest number of differences between the index and the files that an error lists.
const MAX_LISTED: usize = 3;

/// Tensors that only the index, or only the files contain.
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

    /// Adds differences that another thread has found.
    fn merge(&mut self, other: Self) {
        self.count += other.count;
        self.listed.extend(other.listed);
        self.listed.truncate(MAX_LISTED);
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
        if !names.insert(Box::<str>::from(tensor.name)) {
            return Err("this name occurs twice".to_owned());
        }
        groups.add(tensor)
    })
    .map_err(FileError::at(path))?;
    Ok(groups)
}

/// Reads the headers of a GGUF file, or of all parts of a split one. Returns the metadata of each file, and the groups of the
/// tensors of all files. `check_signals` is called before each file.
pub fn read_gguf<E: From<FileError>>(
    paths: &[PathBuf],
    mut check_signals: impl FnMut() -> Result<(), E>,
) -> Result<(Vec<Metadata>, Groups), E> {
    let (mut groups, mut names) = (Groups::default(), HashSet::new());
    let mut metadata = Vec::new();
    for path in paths {
        check_signals()?;
        let values = gguf::read(path, |tensor| {
            if paths.len() > 1 && !names.insert(Box::<str>::from(tensor.name)) {
                return Err(format!("the name {:?} also occurs in another part", tensor.name));
            }
            groups.add(tensor)
        });
        metadata.push(values.map_err(FileError::at(path))?);
    }
    Ok((metadata, groups))
}

/// What some of the files of a checkpoint contain.
#[derive(Default)]
struct Contents {
    groups: Groups,
    only_in_index: Differences,
    only_in_files: Differences,
}

/// Reads the headers of all files that an index names, and groups their tensors. The index and the files must name the same
/// tensors.
///
/// A large checkpoint is read by several threads. This thread calls `check_signals` before each file that it reads.
pub fn read_sharded<E: From<FileError>>(
    index_path: &Path,
    check_signals: impl FnMut() -> Result<(), E>,
) -> Result<Groups, E> {
    let text = index::read(index_path).map_err(FileError::at(index_path))?;
    let index = Index::parse(&text).map_err(FileError::at(index_path))?;
    let contents = read_in_threads(index_path, &index, check_signals)?;
    let differences = [
        contents.only_in_index.describe("index has"),
        contents.only_in_files.describe("files have"),
    ];
    let differences: Vec<_> = differences.into_iter().flatten().collect();
    if differences.is_empty() {
        return Ok(contents.groups);
    }
    let error = HeaderError::IndexMismatch(differences.join("; "));
    Err(FileError::at(index_path)(error).into())
}

/// Reads the headers of all files, of which each thread reads a consecutive part. The result does not depend on the number of
/// threads.
fn read_in_threads<E: From<FileError>>(
    index_path: &Path,
    index: &Index<'_>,
    mut check_signals: impl FnMut() -> Result<(), E>,
) -> Result<Contents, E> {
    let num_cores = thread::available_parallelism().map_or(1, NonZero::get);
    let num_threads = (index.len() / MIN_TENSORS_PER_THREAD)
        .min(num_cores)
        .clamp(1, MAX_THREADS);
    let part_len = index.shards.len().div_ceil(num_threads).max(1);
    let mut parts = index.shards.chunks(part_len);
    let first_part = parts.next().unwrap_or_default();
    let is_stopped = AtomicBool::new(false);
    let read_part = |part| {
        read_files(index_path, part, || {
            if is_stopped.load(Ordering::Relaxed) {
                Err(None)
            } else {
                Ok(())
            }
        })
    };
    thread::scope(|scope| {
        let spawn = |part| thread::Builder::new().spawn_scoped(scope, move || read_part(part));
        let threads: Vec<_> = parts.map(|part| (part, spawn(part))).collect();
        let first = read_files(index_path, first_part, &mut check_signals);
        let wait = |contents| {
            while threads
                .iter()
                .any(|(_, thread)| thread.as_ref().is_ok_and(|thread| !thread.is_finished()))
            {
                check_signals()?;
                thread::sleep(POLL_INTERVAL);
            }
            Ok(contents)
        };
        let first = first.and_then(wait);
        is_stopped.store(first.is_err(), Ordering::Relaxed);
        let mut contents = first?;
        for (part, thread) in threads {
            let result = match thread.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(result)) => result,
                Ok(Err(panic)) => resume_unwind(panic),
                // The system cannot create another thread.
                Err(_) => read_part(part),
            };
            match result {
                Ok(other) => {
                    let result = contents.groups.merge(other.groups);
                    result.map_err(|message| FileError::at(index_path)(HeaderError::invalid(0, message)))?;
                    contents.only_in_index.merge(other.only_in_index);
                    contents.only_in_files.merge(other.only_in_files);
                }
                Err(Some(error)) => return Err(error.into()),
                // Not reached: threads are stopped only if this one returns an error.
                Err(None) => {}
            }
        }
        Ok(contents)
    })
}

/// Reads the headers of some of the files that an index names. `check` is called before each file.
fn read_files<E: From<FileError>>(
    index_path: &Path,
    shards: &[Shard<'_>],
    mut check: impl FnMut() -> Result<(), E>,
) -> Result<Contents, E> {
    let mut contents = Contents::default();
    for shard in shards {
        check()?;
        let path = index_path.with_file_name(&shard.file);
        let mut expected = ExpectedTensors::new(shard);
        safetensors::read(&path, |tensor| {
            if !expected.mark_found(tensor.name)? {
                contents.only_in_files.add(tensor.name, &shard.file);
            }
            contents.groups.add(tensor)
        })
        .map_err(FileError::at(&path))?;
        for tensor in expected.not_found() {
            contents.only_in_index.add(tensor, &shard.file);
        }
    }
    Ok(contents)
}
