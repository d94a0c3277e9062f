//! Groups tensors by the block or module that they belong to, while their names are read.
//!
//! The first `.<int>.` of a name is the block, and the prefix before it is the *stack*: `model.layers.3.mlp.up_proj.weight`
//! belongs to block 3 of the stack `model.layers`. A name without such a number belongs to the module before its last
//! component: `lm_head.weight` belongs to `lm_head`.

use std::collections::HashMap;

use foldhash::fast::RandomState;

use super::Tensor;

/// The largest number of groups. A model has a few thousand at most; the limit bounds the memory.
const MAX_GROUPS: usize = 1 << 14;

/// The largest length of a tensor's name in bytes. Real names have about 60 bytes; the limit bounds the memory.
const MAX_NAME_LEN: usize = 1024;

/// The largest number of different dtypes.
const MAX_DTYPES: usize = 64;

/// The tensors of one block or module.
#[derive(Debug, PartialEq, Eq)]
pub struct Group {
    /// The prefix of the tensors' names: `model.layers.3`, `lm_head`.
    pub name: String,
    /// The number of the block, and the length of the stack's prefix in `name`. `None` for a module outside of all stacks.
    pub block: Option<(u32, usize)>,
    /// Whether the block has modules, and not only tensors such as `weight` and `bias`.
    pub has_modules: bool,
    /// The bytes of routed experts.
    pub expert_bytes: u64,
    /// The bytes of each dtype, which is an index into the list of dtypes.
    pub dtype_bytes: Vec<(usize, u64)>,
}

impl Group {
    /// Adds bytes of a dtype.
    fn add_bytes(&mut self, dtype: usize, bytes: u64) {
        if let Some((_, sum)) = self.dtype_bytes.iter_mut().find(|(index, _)| *index == dtype) {
            *sum += bytes;
        } else {
            self.dtype_bytes.push((dtype, bytes));
        }
    }
}

/// Groups tensors.
#[derive(Debug, Default)]
pub struct Groups {
    list: Vec<Group>,
    indices: HashMap<String, usize, RandomState>,
    dtypes: Vec<String>,
    /// The bytes of all tensors.
    total_bytes: u64,
    /// The index of the group of the last tensor. The next tensor often belongs to the same group.
    last: usize,
}

impl Groups {
    /// Returns the groups in the order of their first tensors.
    pub fn groups(&self) -> &[Group] {
        &self.list
    }

    /// Returns the names of the dtypes.
    pub fn dtypes(&self) -> &[String] {
        &self.dtypes
    }

    /// Adds a tensor to its group. Returns a message if there are too many groups or dtypes, or too many bytes.
    pub fn add(&mut self, tensor: Tensor<'_>) -> Result<(), String> {
        if tensor.name.len() > MAX_NAME_LEN {
            return Err(format!("the name of a tensor has more than {MAX_NAME_LEN} bytes"));
        }
        if tensor.name.contains(char::is_control) {
            return Err(format!("the name {:?} contains control characters", tensor.name));
        }
        let dtype = self.dtype_index(tensor.dtype)?;
        self.total_bytes = self
            .total_bytes
            .checked_add(tensor.bytes)
            .ok_or("the tensors have 2**64 bytes or more")?;
        let group = self.group(tensor.name)?;
        group.has_modules =
            group.has_modules || group.block.is_some() && tensor.name[group.name.len() + 1..].contains('.');
        group.add_bytes(dtype, tensor.bytes);
        if is_routed_expert(tensor.name) {
            group.expert_bytes += tensor.bytes;
        }
        Ok(())
    }

    /// Adds the groups of other files. Returns a message as [`Groups::add`] does.
    pub fn merge(&mut self, other: Self) -> Result<(), String> {
        self.total_bytes = self
            .total_bytes
            .checked_add(other.total_bytes)
            .ok_or("the tensors have 2**64 bytes or more")?;
        for group in other.list {
            let dtype_bytes = group.dtype_bytes.iter().map(|&(dtype, bytes)| {
                let dtype = self.dtype_index(&other.dtypes[dtype])?;
                Ok((dtype, bytes))
            });
            let dtype_bytes = dtype_bytes.collect::<Result<Vec<_>, String>>()?;
            let key = GroupKey {
                name: &group.name,
                len: group.name.len(),
                block: group.block,
            };
            let sum = self.group_with_key(&key)?;
            sum.has_modules |= group.has_modules;
            sum.expert_bytes += group.expert_bytes;
            for (dtype, bytes) in dtype_bytes {
                sum.add_bytes(dtype, bytes);
            }
        }
        Ok(())
    }

    /// Returns the group of a tensor.
    fn group(&mut self, tensor: &str) -> Result<&mut Group, String> {
        // Most tensors belong to the block of the previous tensor.
        let is_in_last = self.list.get(self.last).is_some_and(|group| {
            let rest = tensor.strip_prefix(group.name.as_str());
            group.block.is_some() && rest.is_some_and(|rest| rest.starts_with('.'))
        });
        if is_in_last {
            return Ok(&mut self.list[self.last]);
        }
        self.group_with_key(&GroupKey::of(tensor))
    }

    /// Returns the group with a key, which is created if it does not exist.
    fn group_with_key(&mut self, key: &GroupKey<'_>) -> Result<&mut Group, String> {
        let name = &key.name[..key.len];
        self.last = match self.indices.get(name) {
            Some(&index) => index,
            None if self.list.len() == MAX_GROUPS => {
                return Err(format!(
                    "the names of the tensors form more than {MAX_GROUPS} blocks and modules"
                ));
            }
            None => {
                self.indices.insert(name.to_owned(), self.list.len());
                self.list.push(Group {
                    name: name.to_owned(),
                    block: key.block,
                    has_modules: false,
                    expert_bytes: 0,
                    dtype_bytes: Vec::new(),
                });
                self.list.len() - 1
            }
        };
        Ok(&mut self.list[self.last])
    }

    /// Returns the index of a dtype, which is added if it is new.
    fn dtype_index(&mut self, dtype: &str) -> Result<usize, String> {
        if let Some(index) = self.dtypes.iter().position(|other| other == dtype) {
            return Ok(index);
        }
        if self.dtypes.len() == MAX_DTYPES {
            return Err(format!("the tensors have more than {MAX_DTYPES} different dtypes"));
        }
        self.dtypes.push(dtype.to_owned());
        Ok(self.dtypes.len() - 1)
    }
}

/// The group to which a tensor belongs.
#[derive(Debug, PartialEq, Eq)]
struct GroupKey<'a> {
    name: &'a str,
    /// The length of the group's name, which is a prefix of the tensor's name.
    len: usize,
    /// As in [`Group`].
    block: Option<(u32, usize)>,
}

impl<'a> GroupKey<'a> {
    fn of(name: &'a str) -> Self {
        let mut start = 0;
        while let Some(dot) = name[start..].find('.') {
            let end = start + dot;
            if start > 0
                && let Some(number) = parse_number(&name[start..end])
            {
                return Self {
                    name,
                    len: end,
                    block: Some((number, start - 1)),
                };
            }
            start = end + 1;
        }
        // bitsandbytes adds tensors such as `lm_head.weight.absmax`.
        let len = name.find(".weight.").or_else(|| name.rfind('.')).unwrap_or(name.len());
        Self { name, len, block: None }
    }
}

/// Parses a number without sign and leading zeros.
fn parse_number(text: &str) -> Option<u32> {
    let is_canonical = text.bytes().all(|byte| byte.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if is_canonical { text.parse().ok() } else { None }
}

/// Returns `true` if a tensor belongs to routed experts: `mlp.experts.0.up_proj.weight`, `mlp.experts.gate_up_proj`,
/// `ffn_up_exps.weight`. Shared experts are called `shared_experts` and `ffn_up_shexp`.
fn is_routed_expert(name: &str) -> bool {
    name.contains(".experts.") || name.contains("_exps.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> (&str, Option<(u32, &str)>) {
        let key = GroupKey::of(name);
        (
            &name[..key.len],
            key.block.map(|(number, stack_len)| (number, &name[..stack_len])),
        )
    }

    #[test]
    fn the_first_number_between_dots_is_the_block() {
        let expert = "model.layers.3.mlp.experts.17.down_proj.weight";
        assert_eq!(key(expert), ("model.layers.3", Some((3, "model.layers"))));
        assert_eq!(key("h.0.attn.bias"), ("h.0", Some((0, "h"))));
        assert_eq!(key("blk.10.ffn_up.weight"), ("blk.10", Some((10, "blk"))));
        assert_eq!(
            key("visual.merger.mlp.0.bias"),
            ("visual.merger.mlp.0", Some((0, "visual.merger.mlp")))
        );
    }

    #[test]
    fn names_without_a_block_belong_to_a_module() {
        assert_eq!(key("lm_head.weight"), ("lm_head", None));
        assert_eq!(key("lm_head.weight.quant_state.bitsandbytes__nf4"), ("lm_head", None));
        assert_eq!(key("vit.embeddings.cls_token"), ("vit.embeddings", None));
        assert_eq!(key("cls_token"), ("cls_token", None));
        for name in [
            "",
            ".",
            "..",
            "0",
            "0.weight",
            ".0",
            "a.0",
            "a.00.b",
            "a.+1.b",
            "a.-1.b",
            "a.4294967296.b",
            "é.ö",
        ] {
            assert_eq!(key(name).1, None, "{name}");
        }
        assert_eq!(key(".0.a"), (".0", Some((0, ""))));
    }

    #[test]
    fn bytes_are_summed_per_dtype_and_for_routed_experts() {
        let mut groups = Groups::default();
        for (name, dtype, bytes) in [
            ("m.0.experts.0.w", "F8", 5),
            ("m.0.shared_experts.w", "F8", 7),
            ("m.0.norm.w", "BF16", 2),
            ("head.w", "BF16", 9),
            ("m.0.ffn_up_exps.w", "F8", 1),
            ("s.0.weight", "F8", 1),
        ] {
            assert_eq!(groups.add(Tensor { name, dtype, bytes }), Ok(()));
        }
        assert_eq!(groups.dtypes(), ["F8", "BF16"]);
        // `s.0` is like a module of `torch.nn.Sequential`: a number with only a weight under it.
        let [block, head, sequential] = groups.groups() else {
            unreachable!()
        };
        assert_eq!((block.expert_bytes, &*block.dtype_bytes), (6, &[(0, 13), (1, 2)][..]));
        assert_eq!((head.name.as_str(), &*head.dtype_bytes), ("head", &[(1, 9)][..]));
        assert!(block.has_modules && !sequential.has_modules);
    }

    #[test]
    fn the_numbers_of_groups_dtypes_and_bytes_are_limited() {
        let mut groups = Groups::default();
        for number in 0..MAX_GROUPS {
            let name = format!("m.{number}.a.b");
            assert_eq!(
                groups.add(Tensor {
                    name: &name,
                    dtype: "F32",
                    bytes: 1
                }),
                Ok(())
            );
        }
        assert!(
            groups
                .add(Tensor {
                    name: "n.w",
                    dtype: "F32",
                    bytes: 1
                })
                .is_err()
        );
        assert!(
            groups
                .add(Tensor {
                    name: "m.0.a",
                    dtype: "F32",
                    bytes: u64::MAX
                })
                .is_err()
        );
        for number in 0..MAX_DTYPES {
            let dtype = format!("T{number}");
            assert_eq!(
                groups
                    .add(Tensor {
                        name: "m.0.a",
                        dtype: &dtype,
                        bytes: 1
                    })
                    .is_ok(),
                number + 1 < MAX_DTYPES
            );
        }
    }
}
