use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

impl NumberSource for Vec<Option<usize>> {
    fn len(&self) -> usize {
        self.len()
    }

    fn get(&self, index: usize) -> Option<usize> {
        self[index]
    }
}

fn coverage(num_blocks: usize) -> Coverage {
    Coverage::new(num_blocks)
}

fn block_counts(num_blocks: usize) -> BlockCounts {
    BlockCounts::try_new(num_blocks).unwrap_or_else(|_| unreachable!("{num_blocks} bits fit in memory"))
}

/// Returns the duplicates in a run, as `for_each_duplicate` visits them.
fn duplicates(block_counts: &BlockCounts, run: Range<usize>, descending: bool) -> Vec<usize> {
    let mut duplicates = Vec::new();
    let Ok(()) = block_counts.for_each_duplicate(&run, descending, |block| {
        duplicates.push(block);
        Ok::<_, std::convert::Infallible>(())
    });
    duplicates
}

/// Runs that start in `0..num_blocks`. They can overlap and can end after it.
fn runs(num_blocks: usize) -> impl Strategy<Value = Vec<Range<usize>>> {
    vec(
        (0..num_blocks, 1..150_usize).prop_map(move |(start, len)| start..start + len),
        0..12,
    )
}

/// Divisions of `0..num_blocks` into runs, in random order.
fn partition(num_blocks: usize) -> impl Strategy<Value = Vec<Range<usize>>> {
    vec(0..=num_blocks, 0..20)
        .prop_map(move |mut cuts| {
            cuts.extend([0, num_blocks]);
            cuts.sort_unstable();
            cuts.dedup();
            cuts.windows(2).map(|ends| ends[0]..ends[1]).collect::<Vec<_>>()
        })
        .prop_shuffle()
}

proptest! {
    #[test]
    fn the_runs_of_a_partition_are_assigned_in_any_order(runs in partition(1_000)) {
        let mut coverage = coverage(1_000);
        for run in runs {
            prop_assert_eq!(coverage.assign(run), Ok(()));
        }
        prop_assert_eq!(coverage.num_missing(), 0);
        prop_assert_eq!(coverage.missing_runs().count(), 0);
    }

    #[test]
    fn an_omitted_run_is_missing(runs in partition(1_000)) {
        let (omitted, others) = (&runs[0], &runs[1..]);
        let mut coverage = coverage(1_000);
        prop_assert!(others.iter().all(|run| coverage.assign(run.clone()).is_ok()));
        prop_assert_eq!(coverage.num_missing(), omitted.len());
        prop_assert_eq!(coverage.missing_runs().collect::<Vec<_>>(), std::slice::from_ref(omitted));
    }

    #[test]
    fn assigning_a_run_fails_if_and_only_if_a_block_is_assigned_or_not_in_the_model(runs in runs(700)) {
        let mut coverage = coverage(700);
        let mut assigned = std::collections::BTreeSet::new();
        for run in runs {
            let is_valid = run.end <= 700 && run.clone().all(|block| assigned.insert(block));
            prop_assert_eq!(coverage.assign(run).is_ok(), is_valid);
            if !is_valid {
                break;
            }
            prop_assert_eq!(coverage.num_missing(), 700 - assigned.len());
        }
    }

    #[test]
    fn visiting_a_permutation_assigns_all_blocks_and_stops_at_an_invalid_item(runs in partition(300), invalid in 0..300_usize) {
        let mut numbers: Vec<_> = runs.into_iter().flatten().map(Some).collect();
        let mut complete = coverage(300);
        prop_assert_eq!(complete.visit(&numbers), Ok(()));
        prop_assert_eq!(complete.num_missing(), 0);
        numbers[invalid] = None;
        prop_assert_eq!(coverage(300).visit(&numbers), Err(Stop::NotPlain(invalid)));
        let duplicate = numbers[(invalid + 1) % 300];
        for fault in [Some(300), Some(usize::MAX), duplicate] {
            numbers[invalid] = fault;
            prop_assert_eq!(coverage(300).visit(&numbers), Err(Stop::Error(AssignError::DuplicateOrExtra)));
        }
    }

    #[test]
    fn visitors_count_each_block_and_stop_at_other_items(runs in runs(500), invalid in 0..2_000_usize) {
        let mut numbers: Vec<_> = runs.iter().cloned().flatten().map(Some).collect();
        if invalid < numbers.len() {
            numbers[invalid] = None;
        }
        let (mut expected, mut visited) = (block_counts(600), block_counts(600));
        for &block in numbers.iter().flatten().filter(|&&block| block < 600) {
            expected.add(&(block..block + 1));
        }
        let mut from = 0;
        while let Err(Stop::NotPlain(index)) = CountVisitor(&mut visited).visit(&numbers[from..].to_vec()) {
            prop_assert!(numbers[from + index].is_none_or(|block| block >= 600));
            from += index + 1;
        }
        prop_assert_eq!(&expected.assigned.0, &visited.assigned.0);
        prop_assert_eq!(&expected.duplicates.0, &visited.duplicates.0);
        let first_fault = numbers.iter().position(|number| match number {
            Some(block) if *block < 600 => expected.duplicates.0[block / 64] >> (block % 64) & 1 == 1,
            _ => true,
        });
        prop_assert_eq!(FaultVisitor(&visited).visit(&numbers).err(), first_fault.map(Stop::NotPlain));
    }

    #[test]
    fn block_counts_agree_with_a_map_of_counts(runs in runs(500)) {
        let mut block_counts = block_counts(700);
        let mut expected = BTreeMap::new();
        for run in &runs {
            block_counts.add(run);
            for block in run.clone() {
                *expected.entry(block).or_insert(0) += 1;
            }
        }
        prop_assert_eq!(block_counts.num_missing(), 700 - expected.len());
        let repeated: Vec<_> = expected.iter().filter(|&(_, &n)| n > 1).map(|(&block, _)| block).collect();
        prop_assert_eq!(block_counts.num_duplicates(), repeated.len());
        prop_assert!(expected.iter().all(|(&block, &n)| block_counts.is_duplicate(block) == (n > 1)));
        prop_assert_eq!(&duplicates(&block_counts, 0..700, false), &repeated);
        let (below_200, from_200) = repeated.split_at(repeated.partition_point(|&block| block < 200));
        let descending = from_200.iter().rev().copied().collect::<Vec<_>>();
        prop_assert_eq!(duplicates(&block_counts, 200..700, true), descending);
        block_counts.clear_duplicates(&(200..700));
        prop_assert_eq!(duplicates(&block_counts, 0..700, false), below_200);
        let missing: Vec<_> = block_counts.missing_runs().flatten().collect();
        prop_assert_eq!(missing, (0..700).filter(|block| !expected.contains_key(block)).collect::<Vec<_>>());
    }
}

#[test]
fn a_model_without_blocks_is_complete_and_rejects_every_block() {
    assert_eq!(coverage(0).num_missing(), 0);
    assert_eq!(coverage(0).assign(0..1), Err(AssignError::DuplicateOrExtra));
    assert_eq!(coverage(0).assign_number(-1), Err(AssignError::DuplicateOrExtra));
    assert_eq!(coverage(0).missing_runs().count(), 0);
}

#[test]
fn ascending_runs_allocate_no_bitset() {
    let mut coverage = coverage(1 << 33);
    assert_eq!(coverage.assign(0..1 << 32), Ok(()));
    assert_eq!(coverage.assign(1 << 32..1 << 33), Ok(()));
    assert!(coverage.bits.has_no_words());
    assert_eq!(coverage.num_missing(), 0);
    assert_eq!(coverage.assign(0..1 << 33 | 1), Err(AssignError::DuplicateOrExtra));
}

#[test]
fn a_bitset_that_cannot_be_allocated_is_an_error() {
    let mut coverage = coverage(usize::MAX);
    assert_eq!(coverage.assign(0..1), Ok(()));
    assert_eq!(coverage.assign(2..3), Err(AssignError::Memory));
    assert!(BlockCounts::try_new(usize::MAX).is_err());
}

#[test]
fn after_clear_the_coverage_is_contiguous_and_every_block_is_missing() {
    let mut coverage = coverage(5);
    assert!(coverage.is_contiguous());
    assert_eq!(coverage.assign(3..4), Ok(()));
    assert!(!coverage.is_contiguous());
    assert_eq!(coverage.assign(3..4), Err(AssignError::DuplicateOrExtra));
    coverage.clear();
    assert!(coverage.is_contiguous());
    assert_eq!((coverage.num_blocks(), coverage.num_missing()), (5, 5));
    assert_eq!(coverage.assign(0..5), Ok(()));
    assert_eq!(coverage.num_missing(), 0);
}
