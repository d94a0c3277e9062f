use super::*;
use crate::numbers::ratio::Load;
use crate::prefix_sums::tests::from_ints;
use proptest::collection::vec;
use proptest::prelude::*;
use std::convert::Infallible;

/// A problem that is solved by slow reference implementations.
#[derive(Clone, Debug)]
struct TestProblem {
    costs: Vec<u128>,
    /// The size of each block, or `None` if no device has a limit.
    sizes: Option<Vec<u128>>,
    devices: Vec<Device>,
    allow_idle: bool,
}

impl TestProblem {
    /// Returns whether a device can have no blocks.
    fn can_be_idle(&self) -> bool {
        self.allow_idle || self.costs.len() < self.devices.len()
    }

    /// Returns the result of the function under test.
    fn solve(&self) -> Result<Vec<usize>, Infeasible> {
        let (costs, sizes) = (
            from_ints(&self.costs),
            self.sizes.as_ref().map(|sizes| from_ints(sizes)),
        );
        let problem = Problem {
            costs: &costs,
            sizes: sizes.as_ref(),
            devices: &self.devices,
            allow_idle: self.allow_idle,
        };
        problem.solve(|_| Ok::<_, Infallible>(())).map_err(|error| match error {
            SearchError::Infeasible(reason) => reason,
            SearchError::Memory(_) => unreachable!("the problem is small"),
        })
    }

    /// Returns the bottleneck of the partition with the given ends of the runs, or `None` if the partition is not allowed.
    fn bottleneck(&self, ends: &[usize]) -> Option<Load> {
        let mut bottleneck = Load { cost: 0, speed: 1 };
        for (device, run) in self.devices.iter().zip(runs(ends)) {
            let size: u128 = self.sizes.as_ref().map_or(0, |sizes| sizes[run.clone()].iter().sum());
            if size > device.memory || run.is_empty() && !self.can_be_idle() {
                return None;
            }
            bottleneck = bottleneck.max(Load {
                cost: self.costs[run].iter().sum(),
                speed: device.speed,
            });
        }
        Some(bottleneck)
    }

    /// Returns the smallest bottleneck, by dynamic programming: `min_bottlenecks[n]` is the smallest bottleneck with which the
    /// devices so far can hold the first `n` blocks, or `None` if they cannot hold them.
    fn min_bottleneck(&self) -> Option<Load> {
        let cost_sums = cumulative_sums(&self.costs);
        let size_sums = self.sizes.as_ref().map(|sizes| cumulative_sums(sizes));
        let mut min_bottlenecks = vec![None; self.costs.len() + 1];
        min_bottlenecks[0] = Some(Load { cost: 0, speed: 1 });
        for device in &self.devices {
            let fits = |start: usize, end: usize| {
                let size = size_sums.as_ref().map_or(0, |sums| sums[end] - sums[start]);
                size <= device.memory && (self.can_be_idle() || start < end)
            };
            let min_bottleneck = |end: usize| {
                let starts = (0..=end).filter(|&start| fits(start, end));
                let bottlenecks = starts.filter_map(|start| {
                    let (cost, speed) = (cost_sums[end] - cost_sums[start], device.speed);
                    min_bottlenecks[start].map(|previous: Load| previous.max(Load { cost, speed }))
                });
                bottlenecks.min()
            };
            min_bottlenecks = (0..=self.costs.len()).map(min_bottleneck).collect();
        }
        min_bottlenecks[self.costs.len()]
    }
}

/// Returns the sums of the first 0, 1, 2, … numbers.
fn cumulative_sums(numbers: &[u128]) -> Vec<u128> {
    let sums = numbers.iter().scan(0, |sum, number| {
        *sum += number;
        Some(*sum)
    });
    std::iter::once(0).chain(sums).collect()
}

/// Yields the run of each device from the ends of the runs.
fn runs(ends: &[usize]) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    let starts = std::iter::once(&0).chain(ends);
    starts.zip(ends).map(|(&start, &end)| start..end)
}

/// Returns all partitions of blocks over devices, each as the ends of the devices' runs.
fn all_partitions(num_blocks: usize, num_devices: usize) -> Vec<Vec<usize>> {
    if num_devices == 1 {
        return vec![vec![num_blocks]];
    }
    // The last run of each partition over one device less is cut into two.
    let shorter = all_partitions(num_blocks, num_devices - 1).into_iter();
    shorter
        .flat_map(|ends| {
            let last_start = if num_devices == 2 { 0 } else { ends[num_devices - 3] };
            (last_start..=num_blocks).map(move |cut| {
                let mut ends = ends.clone();
                ends.insert(num_devices - 2, cut);
                ends
            })
        })
        .collect()
}

/// Problems small enough to enumerate all partitions.
fn small_problems() -> impl Strategy<Value = TestProblem> {
    let numbers = || vec(prop_oneof![Just(0), 0..4_u128, 0..40_u128], 0..9);
    let device = |speeds, memory| (speeds, memory).prop_map(|(speed, memory)| Device { speed, memory });
    let unlimited = || Just(u128::MAX);
    let devices = prop_oneof![
        vec(device(1..2_u128, unlimited().boxed()), 1..5),
        vec(device(1..5_u128, unlimited().boxed()), 1..5),
        vec(device(1..5_u128, prop_oneof![unlimited(), 0..90_u128].boxed()), 1..5),
    ];
    (numbers(), numbers(), devices, any::<bool>()).prop_map(|(costs, sizes, devices, allow_idle)| {
        let has_limits = devices.iter().any(|device| device.memory < u128::MAX);
        let sizes = has_limits.then(|| {
            // As many sizes as costs.
            (0..costs.len())
                .map(|block| sizes.get(block).copied().unwrap_or(3))
                .collect()
        });
        TestProblem {
            costs,
            sizes,
            devices,
            allow_idle,
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    #[test]
    fn result_has_the_smallest_bottleneck_of_all_partitions(problem in small_problems()) {
        let (num_blocks, num_devices) = (problem.costs.len(), problem.devices.len());
        let partitions = all_partitions(num_blocks, num_devices);
        let min_bottleneck = partitions.iter().filter_map(|ends| problem.bottleneck(ends)).min();
        let result = problem.solve();
        prop_assert_eq!(result.is_ok(), min_bottleneck.is_some());
        if let Ok(ends) = result {
            prop_assert_eq!(ends.len(), num_devices);
            prop_assert_eq!(ends[num_devices - 1], num_blocks);
            prop_assert!(ends.is_sorted());
            prop_assert_eq!(problem.bottleneck(&ends), min_bottleneck, "{:?}", ends);
        }
    }

    #[test]
    fn blocked_device_can_hold_no_block_of_its_window_but_needs_one(problem in small_problems()) {
        let Err(Infeasible::Idle(Some((blocked, window)))) = problem.solve() else { return Ok(()) };
        let TestProblem { sizes: Some(sizes), devices, .. } = &problem else {
            unreachable!("only limits make a problem infeasible")
        };
        prop_assert!(sizes[window.clone()].iter().all(|size| *size > devices[blocked].memory));
        for ends in all_partitions(sizes.len(), devices.len()) {
            let others_hold_their_runs = runs(&ends).enumerate().all(|(device, run)| {
                let size: u128 = sizes[run.clone()].iter().sum();
                !run.is_empty() && (device == blocked || size <= devices[device].memory)
            });
            let run = runs(&ends).nth(blocked).unwrap_or_default();
            let overlaps_window = run.start.max(window.start) < run.end.min(window.end);
            prop_assert!(!others_hold_their_runs || overlaps_window, "{:?}", ends);
        }
    }
}

/// Problems whose sets of blocks fill several words, with devices that cannot hold the most expensive blocks.
fn problems_with_gaps() -> impl Strategy<Value = TestProblem> {
    let numbers = || {
        let number = prop_oneof![Just(1), 0..4_u128, 20..60_u128, Just(90), Just(150)];
        prop_oneof![
            vec(number, 60..160),
            // Periodic sequences.
            (vec(prop_oneof![0..3_u128, 50..90_u128], 1..6), 60..160_usize).prop_map(|(period, len)| period
                .into_iter()
                .cycle()
                .take(len)
                .collect()),
        ]
    };
    let speed = prop_oneof![Just(1), 1..4_u128, Just(90)];
    let memory = prop_oneof![3 => Just(u128::MAX), 1 => 40..400_u128];
    let device = (speed, memory).prop_map(|(speed, memory)| Device { speed, memory });
    (numbers(), numbers(), vec(device, 2..40), any::<bool>()).prop_map(|(costs, sizes, devices, allow_idle)| {
        let has_limits = devices.iter().any(|device| device.memory < u128::MAX);
        let sizes = has_limits.then(|| sizes.into_iter().cycle().take(costs.len()).collect());
        TestProblem {
            costs,
            sizes,
            devices,
            allow_idle,
        }
    })
}

proptest! {
    #[test]
    fn result_has_the_bottleneck_of_dynamic_programming_if_there_are_gaps(problem in problems_with_gaps()) {
        let result = problem.solve().ok();
        prop_assert_eq!(result.and_then(|ends| problem.bottleneck(&ends)), problem.min_bottleneck());
    }
}

/// Returns the loads of devices with equal speeds and without limits.
fn loads(costs: &[u128], num_devices: usize) -> Vec<u128> {
    let device = Device {
        speed: 1,
        memory: u128::MAX,
    };
    let problem = TestProblem {
        costs: costs.to_vec(),
        sizes: None,
        devices: vec![device; num_devices],
        allow_idle: false,
    };
    let ends = problem.solve().unwrap_or_default();
    runs(&ends).map(|run| costs[run].iter().sum()).collect()
}

#[test]
fn loads_are_as_even_as_the_bottleneck_allows() {
    assert_eq!(loads(&[1, 1, 1, 1, 1, 1, 1, 1, 1, 5], 4), [3, 3, 3, 5]);
    assert_eq!(loads(&[5, 1, 1, 1, 1, 1, 1, 1, 1, 1], 4), [5, 3, 3, 3]);
    assert_eq!(loads(&[0; 6], 3), [0; 3]);
    assert_eq!(loads(&[1, 1, 8, 8], 3), [2, 8, 8]);
    assert_eq!(loads(&[1, 1, 1, 1, 8, 8], 5), [1, 2, 1, 8, 8]);
    assert_eq!(loads(&[7, 9], 4), [7, 9, 0, 0]);
}
