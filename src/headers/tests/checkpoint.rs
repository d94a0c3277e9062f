use std::fs;
use std::path::{Path, PathBuf};

use crate::headers::groups::Groups;
use crate::headers::{FileError, HeaderError, checkpoint};

/// A folder for a test, which is removed afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("devicemap-{}-{name}", std::process::id()));
        assert!(fs::create_dir_all(&path).is_ok());
        Self(path)
    }

    /// Writes a safetensors file with tensors of four bytes each.
    fn write_shard(&self, file: &str, tensors: &[&str]) {
        let entry = |(index, name): (usize, &&str)| {
            let (start, end) = (4 * index, 4 * index + 4);
            format!(r#""{name}":{{"dtype":"F32","shape":[1],"data_offsets":[{start},{end}]}}"#)
        };
        let header = format!(
            "{{{}}}",
            tensors.iter().enumerate().map(entry).collect::<Vec<_>>().join(",")
        );
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.as_bytes());
        bytes.resize(bytes.len() + 4 * tensors.len(), 0);
        assert!(fs::write(self.0.join(file), bytes).is_ok());
    }

    /// Writes an index with pairs of a tensor and a file, and reads the checkpoint.
    fn read(&self, weight_map: &[(&str, &str)]) -> Result<Groups, FileError> {
        let entries: Vec<_> = weight_map
            .iter()
            .map(|(tensor, file)| format!(r#""{tensor}":"{file}""#))
            .collect();
        let index = self.0.join("model.safetensors.index.json");
        assert!(fs::write(&index, format!(r#"{{"weight_map":{{{}}}}}"#, entries.join(","))).is_ok());
        checkpoint::read_sharded(&index, || Ok(()))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn tensors_of_all_files_are_grouped() {
    let folder = Folder::new("grouped");
    folder.write_shard("1.safetensors", &["embed.weight", "layers.0.a.w", "layers.1.a.w"]);
    folder.write_shard("2.safetensors", &["layers.1.b.w"]);
    let weight_map = [
        ("embed.weight", "1.safetensors"),
        ("layers.0.a.w", "1.safetensors"),
        ("layers.1.a.w", "1.safetensors"),
        ("layers.1.b.w", "2.safetensors"),
    ];
    let Ok(groups) = folder.read(&weight_map) else {
        unreachable!()
    };
    let bytes: Vec<_> = groups
        .groups()
        .iter()
        .map(|group| (group.name.as_str(), group.dtype_bytes[0].1))
        .collect();
    assert_eq!(bytes, [("embed", 4), ("layers.0", 4), ("layers.1", 8)]);
}

#[test]
fn differences_between_the_index_and_the_files_are_listed() {
    let folder = Folder::new("differences");
    folder.write_shard("1.safetensors", &["a.w", "b.w", "moved.w"]);
    folder.write_shard("2.safetensors", &["c.w"]);
    let weight_map = [
        ("a.w", "1.safetensors"),
        ("c.w", "2.safetensors"),
        ("moved.w", "2.safetensors"),
    ];
    let Err(FileError {
        error: HeaderError::IndexMismatch(differences),
        ..
    }) = folder.read(&weight_map)
    else {
        unreachable!()
    };
    let only_in_index = r#"only the index has: "moved.w" in "2.safetensors""#;
    let only_in_files = r#"only the files have: "b.w" in "1.safetensors", "moved.w" in "1.safetensors""#;
    assert_eq!(differences, format!("{only_in_index}; {only_in_files}"));
}

#[test]
fn names_that_occur_twice_are_errors() {
    let folder = Folder::new("twice");
    folder.write_shard("1.safetensors", &["a.w", "a.w"]);
    let single = checkpoint::read_file(&folder.0.join("1.safetensors"));
    let sharded = folder.read(&[("a.w", "1.safetensors")]);
    for result in [single, sharded] {
        let Err(FileError {
            path,
            error: HeaderError::Invalid { position, message },
        }) = result
        else {
            unreachable!()
        };
        assert!(path.ends_with("1.safetensors") && position > 8);
        assert!(message.starts_with("this name occurs twice"), "{message}");
    }
}

#[test]
fn errors_name_the_file() {
    let folder = Folder::new("errors");
    folder.write_shard("1.safetensors", &["a.w"]);
    assert!(
        fs::write(
            folder.0.join("lfs.safetensors"),
            b"version https://git-lfs.github.com/spec/v1\n"
        )
        .is_ok()
    );
    for (file, is_expected) in [
        (
            "missing.safetensors",
            (|error| matches!(error, HeaderError::Io(_))) as fn(&HeaderError) -> bool,
        ),
        ("lfs.safetensors", |error| matches!(error, HeaderError::LfsPointer)),
        (".", |error| matches!(error, HeaderError::Invalid { .. })),
    ] {
        let Err(FileError { path, error }) = folder.read(&[("a.w", file)]) else {
            unreachable!()
        };
        assert!(is_expected(&error), "{error:?}");
        assert!(
            path.ends_with(file) || path.extension() == Some("json".as_ref()),
            "{}",
            path.display()
        );
    }
    let Err(FileError { error, .. }) = checkpoint::read_sharded::<FileError>(Path::new("/dev/null"), || Ok(())) else {
        unreachable!()
    };
    assert!(matches!(error, HeaderError::NotAFile | HeaderError::Io(_)), "{error:?}");
}
