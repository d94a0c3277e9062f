//! The Python binding: all code that uses Python objects.

pub mod assert_device_map;
pub mod balance;
pub mod check;
pub mod costs;
pub mod cover;
pub mod cpython;
pub mod devices;
pub mod error;
pub mod fault_collector;
pub mod get_device_map;
pub mod headers;
pub mod item;
pub mod items;
pub mod load_per_device;
pub mod memory;
pub mod numbers;
pub mod objects;
pub mod original_faults;
pub mod per_device;
pub mod sequences;
pub mod signals;
pub mod split;
pub mod values;
