//! How long answers took, by protocol: counts between fixed bounds, as Prometheus adds them up.

/// Upper bounds of the buckets, nanoseconds, each within its bucket; what took longer than the last is in one more bucket.
pub const BOUNDS: [u64; 13] = [
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// Answers of one protocol.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Histogram {
    /// Answers in each bucket, those of lower buckets not counted in.
    pub counts: [u64; BOUNDS.len() + 1],
    /// How long all took together, nanoseconds.
    pub sum: u64,
}

impl Histogram {
    /// The upper bound of each bucket, `None` for the last, and its answers.
    #[must_use]
    pub fn buckets(&self) -> [(Option<u64>, u64); BOUNDS.len() + 1] {
        core::array::from_fn(|at| (BOUNDS.get(at).copied(), self.counts.get(at).copied().unwrap_or(0)))
    }

    /// Answers that were counted elsewhere.
    pub fn join(&mut self, other: &Self) {
        for (count, more) in self.counts.iter_mut().zip(other.counts) {
            *count = count.saturating_add(more);
        }
        self.sum = self.sum.saturating_add(other.sum);
    }

    #[inline]
    fn add(&mut self, nanoseconds: u64) {
        let bucket = BOUNDS.partition_point(|bound| *bound < nanoseconds);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count = count.saturating_add(1);
        }
        self.sum = self.sum.saturating_add(nanoseconds);
    }
}

/// The histograms of all protocols. Operations keep the number of theirs, so that an answer costs no search.
#[derive(Default)]
pub struct Histograms {
    all: Vec<(&'static str, Histogram)>,
}

impl Histograms {
    /// The number of a protocol's histogram.
    #[cold]
    pub fn number_of(&mut self, protocol: &'static str) -> u32 {
        let at = self.all.iter().position(|(name, _)| *name == protocol).unwrap_or_else(|| {
            self.all.push((protocol, Histogram::default()));
            self.all.len().saturating_sub(1)
        });
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    /// One more answer, in the histogram of that number.
    #[inline]
    pub fn add(&mut self, number: u32, nanoseconds: u64) {
        if let Some((_, histogram)) = self.all.get_mut(number as usize) {
            histogram.add(nanoseconds);
        }
    }

    /// The protocols that answers were seen of, with their histograms.
    pub fn answered(&self) -> impl Iterator<Item = &(&'static str, Histogram)> {
        self.all.iter().filter(|(_, histogram)| histogram.counts.iter().any(|count| *count > 0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_within_its_bucket_and_nothing_is_without_one() {
        let mut histogram = Histogram::default();
        for nanoseconds in [0, 1_000_000, 1_000_001, 10_000_000_000, 10_000_000_001, u64::MAX] {
            histogram.add(nanoseconds);
        }
        assert_eq!(histogram.counts, [2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2]);
        assert_eq!(histogram.sum, u64::MAX, "it stays at the largest number");
    }

    #[test]
    fn bounds_rise() {
        assert!(BOUNDS.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn each_protocol_has_one_histogram_told_once_it_answered() {
        let mut all = Histograms::default();
        let (modbus, s7comm) = (all.number_of("modbus"), all.number_of("s7comm"));
        assert_eq!(all.number_of("modbus"), modbus);
        all.add(s7comm, 3_000_000);
        all.add(99, 3_000_000);
        let told: Vec<_> = all.answered().collect();
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].0, told[0].1.counts[2], told[0].1.sum), ("s7comm", 1, 3_000_000));
    }
}
