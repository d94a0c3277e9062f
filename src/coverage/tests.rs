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

fn coverage(blocks: usize) -> Coverage {
    Coverage::new(blocks)
}

fn block_counts(blocks: usize) -> BlockCounts {
    BlockCounts::try_new(blocks).unwrap_or_else(|_| unreachable!("{blocks} bits fit"))
}

fn duplicates(block_counts: &BlockCounts, run: Range<usize>, descending: bool) -> Vec<usize> {
    let mut duplicates = Vec::new();
    let Ok(()) = block_counts.for_each_duplicate(&run, descending, |block| {
        duplicates.push(block);
        Ok::<_, std::convert::Infallible>(())
    });
    duplicates
}

fn runs(blocks: usize) -> impl Strategy<Value = Vec<Range<usize>>> {
    vec(
        (0..blocks, 1..150_usize).prop_map(move |(start, len)| start..start + len),
        0..12,
    )
}

/// Cuts `0..blocks` at some places and shuffles the runs.
fn partition(blocks: usize) -> impl Strategy<Value = Vec<Range<usize>>> {
    vec(0..=blocks, 0..20)
        .prop_map(move |mut cuts| {
            cuts.extend([0, blocks]);
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
    fn a_run_that_is_left_out_is_missing(runs in partition(1_000)) {
        let (left_out, others) = (&runs[0], &runs[1..]);
        let mut coverage = coverage(1_000);
        prop_assert!(others.iter().all(|run| coverage.assign(run.clone()).is_ok()));
        prop_assert_eq!(coverage.num_missing(), left_out.len());
        prop_assert_eq!(coverage.missing_runs().collect::<Vec<_>>(), std::slice::from_ref(left_out));
    }

    #[test]
    fn a_run_is_a_fault_if_and_only_if_a_set_rejects_a_block(runs in runs(700)) {
        let mut coverage = coverage(700);
        let mut model = std::collections::BTreeSet::new();
        for run in runs {
            let fits = run.end <= 700 && run.clone().all(|block| model.insert(block));
            prop_assert_eq!(coverage.assign(run).is_ok(), fits);
            if !fits {
                break;
            }
            prop_assert_eq!(coverage.num_missing(), 700 - model.len());
        }
    }

    #[test]
    fn numbers_are_assigned_as_their_runs_are(runs in partition(300), odd in 0..400_usize) {
        let mut numbers: Vec<_> = runs.into_iter().flatten().map(Some).collect();
        let mut whole = coverage(300);
        prop_assert_eq!(whole.visit(&numbers), Ok(()));
        prop_assert_eq!(whole.num_missing(), 0);
        if odd < 300 {
            numbers[odd] = None;
            prop_assert_eq!(coverage(300).visit(&numbers), Err(Stop::NotPlain(odd)));
            numbers[odd] = Some(300);
            prop_assert_eq!(coverage(300).visit(&numbers), Err(Stop::Error(AssignError::Fault)));
            numbers[odd] = Some(usize::MAX);
            prop_assert_eq!(coverage(300).visit(&numbers), Err(Stop::Error(AssignError::Fault)));
            numbers[odd] = numbers[(odd + 1) % 300];
            prop_assert_eq!(coverage(300).visit(&numbers), Err(Stop::Error(AssignError::Fault)));
        }
    }

    #[test]
    fn numbers_are_counted_as_their_runs_are(runs in runs(500), odd in 0..2_000_usize) {
        let mut numbers: Vec<_> = runs.iter().cloned().flatten().map(Some).collect();
        if odd < numbers.len() {
            numbers[odd] = None;
        }
        let (mut by_runs, mut by_numbers) = (block_counts(600), block_counts(600));
        for &block in numbers.iter().flatten().filter(|&&block| block < 600) {
            by_runs.add(&(block..block + 1));
        }
        let mut from = 0;
        while let Err(Stop::NotPlain(index)) = CountVisitor(&mut by_numbers).visit(&numbers[from..].to_vec()) {
            prop_assert!(numbers[from + index].is_none_or(|block| block >= 600));
            from += index + 1;
        }
        prop_assert_eq!(&by_runs.assigned.0, &by_numbers.assigned.0);
        prop_assert_eq!(&by_runs.duplicates.0, &by_numbers.duplicates.0);
        let first_fault = numbers.iter().position(|number| match number {
            Some(block) if *block < 600 => by_runs.duplicates.0[block / 64] >> (block % 64) & 1 == 1,
            _ => true,
        });
        prop_assert_eq!(FaultVisitor(&by_numbers).visit(&numbers).err(), first_fault.map(Stop::NotPlain));
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
        let late = repeated.iter().position(|&block| block >= 200).unwrap_or(repeated.len());
        let down: Vec<_> = duplicates(&block_counts, 200..700, true).into_iter().rev().collect();
        prop_assert_eq!(down, &repeated[late..]);
        block_counts.clear_duplicates(&(200..700));
        prop_assert_eq!(duplicates(&block_counts, 0..700, false), &repeated[..late]);
        let missing: Vec<_> = block_counts.missing_runs().flatten().collect();
        prop_assert_eq!(missing, (0..700).filter(|block| !expected.contains_key(block)).collect::<Vec<_>>());
    }
}

#[test]
fn a_model_without_blocks_is_complete_and_rejects_every_block() {
    assert_eq!(coverage(0).num_missing(), 0);
    assert_eq!(coverage(0).assign(0..1), Err(AssignError::Fault));
    assert_eq!(coverage(0).assign_number(-1), Err(AssignError::Fault));
    assert_eq!(coverage(0).missing_runs().count(), 0);
}

#[test]
fn ascending_runs_allocate_no_bitset() {
    let mut coverage = coverage(1 << 33);
    assert_eq!(coverage.assign(0..1 << 32), Ok(()));
    assert_eq!(coverage.assign(1 << 32..1 << 33), Ok(()));
    assert!(coverage.bits.is_empty());
    assert_eq!(coverage.num_missing(), 0);
    assert_eq!(coverage.assign(0..1 << 33 | 1), Err(AssignError::Fault));
}

#[test]
fn a_bitset_that_does_not_fit_in_memory_is_an_error() {
    let mut coverage = coverage(usize::MAX);
    assert_eq!(coverage.assign(0..1), Ok(()));
    assert_eq!(coverage.assign(2..3), Err(AssignError::Memory));
    assert!(BlockCounts::try_new(usize::MAX).is_err());
}

#[test]
fn a_cleared_coverage_is_contiguous_and_misses_every_block() {
    let mut coverage = coverage(5);
    assert!(coverage.is_contiguous());
    assert_eq!(coverage.assign(3..4), Ok(()));
    assert!(!coverage.is_contiguous());
    assert_eq!(coverage.assign(3..4), Err(AssignError::Fault));
    coverage.clear();
    assert!(coverage.is_contiguous());
    assert_eq!((coverage.num_blocks(), coverage.num_missing()), (5, 5));
    assert_eq!(coverage.assign(0..5), Ok(()));
    assert_eq!(coverage.num_missing(), 0);
}
