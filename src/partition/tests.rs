use super::*;
use crate::numbers::ratio::Load;
use crate::prefix_sums::tests::from_ints;
use proptest::collection::vec;
use proptest::prelude::*;
use std::convert::Infallible;

/// A small problem: the costs, the sizes if there are limits, the devices, and whether a device may be idle.
type Small = (Vec<u128>, Option<Vec<u128>>, Vec<Device>, bool);

fn small() -> impl Strategy<Value = Small> {
    let amounts = || vec(prop_oneof![Just(0), 0..4_u128, 0..40_u128], 0..9);
    let device = |speeds, memory| (speeds, memory).prop_map(|(speed, memory)| Device { speed, memory });
    let none = || Just(u128::MAX);
    let devices = prop_oneof![
        vec(device(1..2_u128, none().boxed()), 1..5),
        vec(device(1..5_u128, none().boxed()), 1..5),
        vec(device(1..5_u128, prop_oneof![none(), 0..90_u128].boxed()), 1..5),
    ];
    (amounts(), amounts(), devices, any::<bool>()).prop_map(|(costs, sizes, devices, allow_idle)| {
        let limited = devices.iter().any(|device| device.memory < u128::MAX);
        let sizes = limited.then(|| {
            (0..costs.len())
                .map(|block| sizes.get(block).copied().unwrap_or(3))
                .collect()
        });
        (costs, sizes, devices, allow_idle)
    })
}

/// Returns all partitions of blocks over devices, each as the ends of the devices' runs.
fn all_cuts(blocks: usize, devices: usize) -> Vec<Vec<usize>> {
    if devices == 1 {
        return vec![vec![blocks]];
    }
    let shorter = all_cuts(blocks, devices - 1).into_iter();
    shorter
        .flat_map(|ends| {
            let from = if devices == 2 { 0 } else { ends[devices - 3] };
            (from..=blocks).map(move |cut| {
                let mut ends = ends.clone();
                ends.insert(devices - 2, cut);
                ends
            })
        })
        .collect()
}

/// Returns the bottleneck of a partition, or `None` if the partition is not allowed.
fn bottleneck((costs, sizes, devices, allow_idle): &Small, ends: &[usize]) -> Option<Load> {
    let mut start = 0;
    let mut most = Load { cost: 0, speed: 1 };
    for (device, &end) in devices.iter().zip(ends) {
        let size: u128 = sizes.as_ref().map_or(0, |sizes| sizes[start..end].iter().sum());
        let idle = start == end && !allow_idle && costs.len() >= devices.len();
        if idle || size > device.memory {
            return None;
        }
        most = most.max(Load {
            cost: costs[start..end].iter().sum(),
            speed: device.speed,
        });
        start = end;
    }
    Some(most)
}

fn solved((costs, sizes, devices, allow_idle): &Small) -> Result<Vec<usize>, Infeasible> {
    let (costs, sizes) = (from_ints(costs), sizes.as_ref().map(|sizes| from_ints(sizes)));
    let problem = Problem {
        costs: &costs,
        sizes: sizes.as_ref(),
        devices,
        allow_idle: *allow_idle,
    };
    problem
        .solve(|_| Ok::<_, Infallible>(()))
        .map_err(|stopped| match stopped {
            SearchError::Infeasible(why) => why,
            SearchError::Memory(_) => unreachable!("the problem is small"),
        })
}

/// Returns the loads of equal devices.
fn loads(costs: &[u128], devices: usize) -> Vec<u128> {
    let devices = vec![
        Device {
            speed: 1,
            memory: u128::MAX
        };
        devices
    ];
    let ends = solved(&(costs.to_vec(), None, devices, false)).unwrap_or_default();
    let starts = std::iter::once(&0).chain(&ends);
    starts
        .zip(&ends)
        .map(|(&start, &end)| costs[start..end].iter().sum())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]
    #[test]
    fn the_bottleneck_is_that_of_the_best_partition(problem in small()) {
        let (blocks, devices) = (problem.0.len(), problem.2.len());
        let best = all_cuts(blocks, devices).into_iter().filter_map(|ends| bottleneck(&problem, &ends)).min();
        let solved = solved(&problem);
        prop_assert_eq!(solved.is_ok(), best.is_some());
        if let Err(Infeasible::Idle(Some((device, run)))) = &solved {
            let (_, Some(sizes), devices, _) = &problem else { unreachable!("only limits make it infeasible") };
            prop_assert!(sizes[run.clone()].iter().all(|size| *size > devices[*device].memory));
            // In every partition in which the other devices hold their blocks, this device has one of these blocks.
            for ends in all_cuts(blocks, devices.len()) {
                let starts = std::iter::once(&0).chain(&ends);
                let mut runs = starts.zip(&ends).map(|(&start, &end)| start..end).enumerate();
                let can = runs.all(|(index, run)| {
                    let size: u128 = sizes[run.clone()].iter().sum();
                    !run.is_empty() && (index == *device || size <= devices[index].memory)
                });
                let start = if *device == 0 { 0 } else { ends[device - 1] };
                prop_assert!(!can || start.max(run.start) < ends[*device].min(run.end), "{:?}", ends);
            }
        }
        if let Ok(ends) = solved {
            prop_assert_eq!(ends.len(), devices);
            prop_assert_eq!(ends[devices - 1], blocks);
            prop_assert!(ends.is_sorted());
            prop_assert_eq!(bottleneck(&problem, &ends), best, "{:?}", ends);
        }
    }
}

/// Returns the smallest bottleneck, by dynamic programming over the end of each device's run.
fn smallest_bottleneck((costs, sizes, devices, allow_idle): &Small) -> Option<Load> {
    let sums = |amounts: &[u128]| {
        let sums = std::iter::once(0).chain(amounts.iter().scan(0, |sum, amount| {
            *sum += amount;
            Some(*sum)
        }));
        sums.collect::<Vec<u128>>()
    };
    let (by_cost, by_size) = (sums(costs), sizes.as_ref().map(|sizes| sums(sizes)));
    let idle = *allow_idle || costs.len() < devices.len();
    let mut best = vec![None; costs.len() + 1];
    best[0] = Some(Load { cost: 0, speed: 1 });
    for device in devices {
        let fits = |start: usize, end: usize| {
            let size = by_size.as_ref().map_or(0, |sums| sums[end] - sums[start]);
            size <= device.memory && (idle || start < end)
        };
        let ending = |end: usize| {
            let starts = (0..=end).filter(|&start| fits(start, end));
            let loads = starts.filter_map(|start| {
                let (cost, speed) = (by_cost[end] - by_cost[start], device.speed);
                best[start].map(|before: Load| before.max(Load { cost, speed }))
            });
            loads.min()
        };
        best = (0..=costs.len()).map(ending).collect();
    }
    best[costs.len()]
}

/// A problem whose blocks fill several words, on devices some of which cannot hold the most expensive blocks.
fn with_gaps() -> impl Strategy<Value = Small> {
    let amounts = || {
        let amount = prop_oneof![Just(1), 0..4_u128, 20..60_u128, Just(90), Just(150)];
        prop_oneof![
            vec(amount, 60..160),
            // A periodic sequence.
            (vec(prop_oneof![0..3_u128, 50..90_u128], 1..6), 60..160_usize).prop_map(|(amounts, len)| amounts
                .into_iter()
                .cycle()
                .take(len)
                .collect()),
        ]
    };
    let speed = prop_oneof![Just(1), 1..4_u128, Just(90)];
    let memory = prop_oneof![3 => Just(u128::MAX), 1 => 40..400_u128];
    let device = (speed, memory).prop_map(|(speed, memory)| Device { speed, memory });
    (amounts(), amounts(), vec(device, 2..40), any::<bool>()).prop_map(|(costs, sizes, devices, allow_idle)| {
        let limited = devices.iter().any(|device| device.memory < u128::MAX);
        let sizes = limited.then(|| sizes.into_iter().cycle().take(costs.len()).collect());
        (costs, sizes, devices, allow_idle)
    })
}

proptest! {
    #[test]
    fn the_bottleneck_agrees_with_dynamic_programming_where_there_are_gaps(problem in with_gaps()) {
        let best = smallest_bottleneck(&problem);
        let solved = solved(&problem).ok();
        prop_assert_eq!(solved.and_then(|ends| bottleneck(&problem, &ends)), best);
    }
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
