//! Collects tensors, and checks how they are grouped.

use std::collections::HashSet;

use devicemap::headers::Tensor;
use devicemap::headers::groups::Groups;

/// The tensors of a file, without duplicates.
#[derive(Default)]
pub struct Tensors {
    pub list: Vec<(String, String, u64)>,
    names: HashSet<String>,
}

impl Tensors {
    pub fn add(&mut self, tensor: Tensor<'_>) -> Result<(), String> {
        if !self.names.insert(tensor.name.to_owned()) {
            return Err("this name occurs twice".to_owned());
        }
        self.list
            .push((tensor.name.to_owned(), tensor.dtype.to_owned(), tensor.bytes));
        Ok(())
    }

    pub fn total_bytes(&self) -> u128 {
        self.list.iter().map(|(_, _, bytes)| u128::from(*bytes)).sum()
    }

    /// Checks the groups of the tensors, and that they do not depend on the files in which the tensors are.
    pub fn check_groups(&self, split_at: usize) {
        let group = |tensors: &[(String, String, u64)]| {
            let mut groups = Groups::default();
            let mut add = |(name, dtype, bytes): &(String, String, u64)| {
                groups.add(Tensor {
                    name,
                    dtype,
                    bytes: *bytes,
                })
            };
            tensors.iter().try_for_each(&mut add).map(|()| groups)
        };
        let Ok(groups) = group(&self.list) else { return };
        assert_eq!(
            dtype_bytes(&groups).map(|(_, bytes)| u128::from(bytes)).sum::<u128>(),
            self.total_bytes()
        );
        let mut names = HashSet::new();
        for group in groups.groups() {
            assert!(names.insert(&group.name));
            assert!(group.expert_bytes <= group.dtype_bytes.iter().map(|(_, bytes)| bytes).sum());
            assert!(self.list.iter().any(|(name, _, _)| name.starts_with(&group.name)));
            if let Some((number, stack_len)) = group.block {
                assert_eq!(group.name[stack_len..], format!(".{number}"));
            }
        }
        let (first, second) = self.list.split_at(split_at % (self.list.len() + 1));
        let (Ok(mut merged), Ok(second)) = (group(first), group(second)) else {
            unreachable!()
        };
        assert_eq!(merged.merge(second), Ok(()));
        assert!(dtype_bytes(&merged).eq(dtype_bytes(&groups)));
        for (merged, group) in merged.groups().iter().zip(groups.groups()) {
            assert_eq!(
                (&merged.name, merged.block, merged.has_modules, merged.expert_bytes),
                (&group.name, group.block, group.has_modules, group.expert_bytes)
            );
        }
    }
}

/// Yields the group and the dtype, and the bytes.
fn dtype_bytes(groups: &Groups) -> impl Iterator<Item = ((&str, &str), u64)> {
    groups.groups().iter().flat_map(|group| {
        let dtypes = group.dtype_bytes.iter();
        dtypes.map(|&(dtype, bytes)| ((group.name.as_str(), groups.dtypes()[dtype].as_str()), bytes))
    })
}
