use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::collections::BTreeMap;

impl Numbers for Vec<Option<usize>> {
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

fn tally(blocks: usize) -> Tally {
    Tally::try_new(blocks).unwrap_or_else(|_| unreachable!("{blocks} bits fit"))
}

fn told(tally: &Tally, run: Range<usize>, descending: bool) -> Vec<usize> {
    let mut told = Vec::new();
    let Ok(()) = tally.tell_repeated(&run, descending, |block| {
        told.push(block);
        Ok::<_, std::convert::Infallible>(())
    });
    told
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
    fn any_order_of_a_partition_is_taken_whole(runs in partition(1_000)) {
        let mut coverage = coverage(1_000);
        for run in runs {
            prop_assert_eq!(coverage.take(run), Ok(()));
        }
        prop_assert_eq!(coverage.missing(), 0);
        prop_assert_eq!(coverage.missing_runs().count(), 0);
    }

    #[test]
    fn a_partition_without_one_run_misses_that_run(runs in partition(1_000)) {
        let (left_out, taken) = (&runs[0], &runs[1..]);
        let mut coverage = coverage(1_000);
        prop_assert!(taken.iter().all(|run| coverage.take(run.clone()).is_ok()));
        prop_assert_eq!(coverage.missing(), left_out.len());
        prop_assert_eq!(coverage.missing_runs().collect::<Vec<_>>(), std::slice::from_ref(left_out));
    }

    #[test]
    fn a_run_is_refused_as_soon_as_a_set_would(runs in runs(700)) {
        let mut coverage = coverage(700);
        let mut model = std::collections::BTreeSet::new();
        for run in runs {
            let fits = run.end <= 700 && run.clone().all(|block| model.insert(block));
            prop_assert_eq!(coverage.take(run).is_ok(), fits);
            if !fits {
                break;
            }
            prop_assert_eq!(coverage.missing(), 700 - model.len());
        }
    }

    #[test]
    fn numbers_are_taken_as_their_runs_are(runs in partition(300), odd in 0..400_usize) {
        let mut numbers: Vec<_> = runs.into_iter().flatten().map(Some).collect();
        let mut whole = coverage(300);
        prop_assert_eq!(whole.read(&numbers), Ok(()));
        prop_assert_eq!(whole.missing(), 0);
        if odd < 300 {
            numbers[odd] = None;
            prop_assert_eq!(coverage(300).read(&numbers), Err(Stop::NotPlain(odd)));
            numbers[odd] = Some(300);
            prop_assert_eq!(coverage(300).read(&numbers), Err(Stop::Error(TakeError::Fault)));
            numbers[odd] = Some(usize::MAX);
            prop_assert_eq!(coverage(300).read(&numbers), Err(Stop::Error(TakeError::Fault)));
            numbers[odd] = numbers[(odd + 1) % 300];
            prop_assert_eq!(coverage(300).read(&numbers), Err(Stop::Error(TakeError::Fault)));
        }
    }

    #[test]
    fn numbers_are_counted_as_their_runs_are(runs in runs(500), odd in 0..2_000_usize) {
        let mut numbers: Vec<_> = runs.iter().cloned().flatten().map(Some).collect();
        if odd < numbers.len() {
            numbers[odd] = None;
        }
        let (mut by_runs, mut by_numbers) = (tally(600), tally(600));
        for &block in numbers.iter().flatten().filter(|&&block| block < 600) {
            by_runs.add(&(block..block + 1));
        }
        let mut from = 0;
        while let Err(Stop::NotPlain(index)) = Counting(&mut by_numbers).read(&numbers[from..].to_vec()) {
            prop_assert!(numbers[from + index].is_none_or(|block| block >= 600));
            from += index + 1;
        }
        prop_assert_eq!(&by_runs.once.0, &by_numbers.once.0);
        prop_assert_eq!(&by_runs.again.0, &by_numbers.again.0);
        let looked_at = numbers.iter().position(|number| match number {
            Some(block) if *block < 600 => by_runs.again.0[block / 64] >> (block % 64) & 1 == 1,
            _ => true,
        });
        prop_assert_eq!(Finding(&by_numbers).read(&numbers).err(), looked_at.map(Stop::NotPlain));
    }

    #[test]
    fn a_tally_tells_what_a_map_of_counts_would(runs in runs(500)) {
        let mut tally = tally(700);
        let mut counts = BTreeMap::new();
        for run in &runs {
            tally.add(run);
            for block in run.clone() {
                *counts.entry(block).or_insert(0) += 1;
            }
        }
        prop_assert_eq!(tally.missing(), 700 - counts.len());
        let repeated: Vec<_> = counts.iter().filter(|&(_, &n)| n > 1).map(|(&block, _)| block).collect();
        prop_assert_eq!(tally.repeated(), repeated.len());
        prop_assert!(counts.iter().all(|(&block, &n)| tally.is_repeated(block) == (n > 1)));
        prop_assert_eq!(&told(&tally, 0..700, false), &repeated);
        let late = repeated.iter().position(|&block| block >= 200).unwrap_or(repeated.len());
        let down: Vec<_> = told(&tally, 200..700, true).into_iter().rev().collect();
        prop_assert_eq!(down, &repeated[late..]);
        tally.forget_repeated(&(200..700));
        prop_assert_eq!(told(&tally, 0..700, false), &repeated[..late]);
        let missing: Vec<_> = tally.missing_runs().flatten().collect();
        prop_assert_eq!(missing, (0..700).filter(|block| !counts.contains_key(block)).collect::<Vec<_>>());
    }
}

#[test]
fn a_model_without_blocks_is_complete_and_takes_nothing() {
    assert_eq!(coverage(0).missing(), 0);
    assert_eq!(coverage(0).take(0..1), Err(TakeError::Fault));
    assert_eq!(coverage(0).take_number(-1), Err(TakeError::Fault));
    assert_eq!(coverage(0).missing_runs().count(), 0);
}

#[test]
fn ascending_runs_need_no_bits_at_any_size() {
    let mut coverage = coverage(1 << 33);
    assert_eq!(coverage.take(0..1 << 32), Ok(()));
    assert_eq!(coverage.take(1 << 32..1 << 33), Ok(()));
    assert!(coverage.bits.is_empty());
    assert_eq!(coverage.missing(), 0);
    assert_eq!(coverage.take(0..1 << 33 | 1), Err(TakeError::Fault));
}

#[test]
fn memory_that_cannot_be_had_is_an_error() {
    let mut coverage = coverage(usize::MAX);
    assert_eq!(coverage.take(0..1), Ok(()));
    assert_eq!(coverage.take(2..3), Err(TakeError::Memory));
    assert!(Tally::try_new(usize::MAX).is_err());
}
