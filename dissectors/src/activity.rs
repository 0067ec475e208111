//! How busy something was, and when: the busiest minute, and the stretches of time between long silences.

use core::cmp::Ordering;

/// A minute, nanoseconds.
pub const MINUTE: i64 = 60_000_000_000;
/// Minutes that are still counted: what belongs to one of them may come late.
const OPEN: usize = 4;
/// Episodes that are told apart; the last one goes on from there.
pub const MOST_EPISODES: usize = 16;

/// True where the time is in the minute that begins there.
#[inline]
const fn is_in(time: i64, minute: i64) -> bool {
    time >= minute && time.wrapping_sub(minute).cast_unsigned() < MINUTE.cast_unsigned()
}

const fn minute_of(time: i64) -> i64 {
    time.saturating_sub(time.rem_euclid(MINUTE))
}

/// A minute, by its beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Minute(i64);

impl Minute {
    /// The one that a time lies in.
    #[must_use]
    pub const fn of(time: i64) -> Self {
        Self(minute_of(time))
    }

    /// True where that time lies in it.
    #[inline]
    #[must_use]
    pub const fn holds(self, time: i64) -> bool {
        is_in(time, self.0)
    }
}

/// Things that happened, by minutes aligned to the epoch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Minutes {
    /// When each of the last few began and what happened in it, the last one looked at first.
    open: [(i64, u32); OPEN],
    /// The most in those before.
    most: u32,
}

impl Minutes {
    /// One more.
    #[inline]
    pub fn add(&mut self, time: i64) {
        let [(minute, count), ..] = &mut self.open;
        if is_in(time, *minute) && *count > 0 {
            *count = count.saturating_add(1);
        } else {
            self.add_to(minute_of(time), 1);
        }
    }

    /// What happened in a minute, which is then the one looked at first.
    #[cold]
    fn add_to(&mut self, minute: i64, more: u32) {
        let known = self.open.iter().position(|(at, count)| *at == minute && *count > 0);
        let at = known.unwrap_or_else(|| {
            // The earliest gives way; places that hold nothing come first.
            let earliest = self.open.iter().enumerate().min_by_key(|(_, (at, count))| (*count > 0, *at)).map_or(0, |(at, _)| at);
            if let Some(place) = self.open.get_mut(earliest) {
                self.most = self.most.max(place.1);
                *place = (minute, 0);
            }
            earliest
        });
        if let Some((_, count)) = self.open.get_mut(at) {
            *count = count.saturating_add(more);
        }
        self.open.swap(0, at);
    }

    /// One that had been added did not belong here; true where it is known still.
    pub fn take_back(&mut self, time: i64) -> bool {
        let minute = minute_of(time);
        match self.open.iter_mut().find(|(at, count)| *at == minute && *count > 0) {
            Some((_, count)) => {
                *count = count.saturating_sub(1);
                true
            }
            None => false,
        }
    }

    /// What others have counted as well; of the last few minutes it does not matter who counted which part.
    pub fn join(&mut self, other: &Self) {
        self.most = self.most.max(other.most);
        for (minute, count) in other.open.iter().rev().filter(|(_, count)| *count > 0) {
            self.add_to(*minute, *count);
        }
    }

    /// Somebody who counts all of it has counted so many in a minute.
    pub fn raise(&mut self, most: u32) {
        self.most = self.most.max(most);
    }

    /// The most in any minute.
    #[must_use]
    pub fn most(&self) -> u32 {
        self.open.iter().fold(self.most, |most, (_, count)| most.max(*count))
    }
}

/// A stretch of time without a long silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Episode {
    /// When it began.
    pub first: i64,
    /// When it ended, so far.
    pub last: i64,
    /// Requests in it.
    pub requests: u64,
    /// Rejections in it.
    pub errors: u64,
}

/// Totals of an operation and when it was seen last, before what happens now.
#[derive(Clone, Copy, Debug)]
pub struct SoFar {
    /// Requests.
    pub requests: u64,
    /// Rejections.
    pub errors: u64,
    /// When it was seen first.
    pub first: i64,
    /// When it was seen last.
    pub last: i64,
}

/// What an operation's totals do not say. Only a change of the minute costs more than a comparison.
#[derive(Clone, Debug, Default)]
pub struct Activity {
    /// Requests and rejections before it.
    before: (u64, u64),
    /// The most requests and the most rejections of a minute before it.
    most: (u64, u64),
    /// Episodes that are over: few operations have any.
    over: Vec<Episode>,
    /// When the episode at hand began, where that is not the first.
    began: i64,
}

impl Activity {
    /// Something happens in another minute than before; after a silence longer than `quiet_seconds` an episode begins.
    #[cold]
    pub fn go_on(&mut self, time: i64, so_far: &SoFar, quiet_seconds: usize) {
        self.most = self.most(so_far);
        self.before = (so_far.requests, so_far.errors);
        if time.saturating_sub(so_far.last) > nanoseconds(quiet_seconds) && self.over.len().saturating_add(1) < MOST_EPISODES {
            let ended = self.at_hand(so_far);
            self.over.push(ended);
            self.began = time;
        }
    }

    fn at_hand(&self, so_far: &SoFar) -> Episode {
        let first = if self.over.is_empty() { so_far.first } else { self.began };
        let (mut requests, mut errors) = (so_far.requests, so_far.errors);
        for episode in &self.over {
            requests = requests.saturating_sub(episode.requests);
            errors = errors.saturating_sub(episode.errors);
        }
        Episode { first, last: so_far.last, requests, errors }
    }

    /// All episodes, in the order of time; one where there was no long silence.
    #[must_use]
    pub fn episodes(&self, so_far: &SoFar) -> Vec<Episode> {
        self.over.iter().copied().chain([self.at_hand(so_far)]).collect()
    }

    /// The most requests and the most rejections in one minute.
    #[must_use]
    pub fn most(&self, so_far: &SoFar) -> (u64, u64) {
        let (requests, errors) = self.now(so_far);
        (self.most.0.max(requests), self.most.1.max(errors))
    }

    /// Requests and rejections of the minute at hand.
    const fn now(&self, so_far: &SoFar) -> (u64, u64) {
        (so_far.requests.saturating_sub(self.before.0), so_far.errors.saturating_sub(self.before.1))
    }

    /// What was taken for requests were answers: about as many were asked as were answered, and no more is known.
    #[must_use]
    pub fn turned(&self, before: &SoFar, after: &SoFar) -> Self {
        let (most, now) = (self.most(before), self.now(before));
        let least = |one: (u64, u64)| (one.0.min(after.requests), one.1.min(after.errors));
        let now = least(now);
        let before = (after.requests.saturating_sub(now.0), after.errors.saturating_sub(now.1));
        Self { before, most: least(most), over: Vec::new(), began: 0 }
    }

    /// What two rows of the same operation say together; `minutes` compares those at hand.
    #[must_use]
    pub fn joined(&self, so_far: &SoFar, other: &Self, others: &SoFar, minutes: Ordering, quiet_seconds: usize) -> Self {
        let (most, other_most) = (self.most(so_far), other.most(others));
        let most = (most.0.max(other_most.0), most.1.max(other_most.1));
        let (mine, theirs) = (self.now(so_far), other.now(others));
        let now = match minutes {
            Ordering::Less => theirs,
            Ordering::Greater => mine,
            Ordering::Equal => (mine.0.saturating_add(theirs.0), mine.1.saturating_add(theirs.1)),
        };
        let (requests, errors) = (so_far.requests.saturating_add(others.requests), so_far.errors.saturating_add(others.errors));
        let before = (requests.saturating_sub(now.0), errors.saturating_sub(now.1));
        let mut episodes = [self.episodes(so_far), other.episodes(others)].concat();
        episodes.sort_by_key(|episode| episode.first);
        let mut over: Vec<Episode> = Vec::new();
        for episode in episodes {
            let is_full = over.len() >= MOST_EPISODES;
            match over.last_mut() {
                Some(last) if is_full || episode.first.saturating_sub(last.last) <= nanoseconds(quiet_seconds) => {
                    last.last = last.last.max(episode.last);
                    last.requests = last.requests.saturating_add(episode.requests);
                    last.errors = last.errors.saturating_add(episode.errors);
                }
                _ => over.push(episode),
            }
        }
        let began = over.pop().map_or(0, |episode| episode.first);
        Self { before, most, over, began }
    }
}

/// No shorter than a minute: only where the minute changes is it looked whether the silence was long.
fn nanoseconds(seconds: usize) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1_000_000_000).max(MINUTE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn most(times: &[i64]) -> u32 {
        let mut minutes = Minutes::default();
        for time in times {
            minutes.add(*time);
        }
        minutes.most()
    }

    #[test]
    fn minutes_are_aligned_and_the_busiest_counts() {
        assert_eq!(most(&[]), 0);
        assert_eq!(most(&[MINUTE - 1, MINUTE, MINUTE + 1, 2 * MINUTE - 1, 2 * MINUTE]), 3);
        assert_eq!(most(&[-1, -MINUTE, 0, 1, 2]), 3);
        assert_eq!(most(&[i64::MIN, i64::MAX, i64::MIN, i64::MAX]), 2);
    }

    #[test]
    fn what_comes_late_counts_in_its_own_minute() {
        assert_eq!(most(&[0, MINUTE, 1, MINUTE, 2, 2 * MINUTE, 3, 4]), 5);
        let far: Vec<i64> = (0..10).map(|minute| minute * MINUTE).chain([0, 1]).collect();
        assert_eq!(most(&far), 2, "what comes much too late is a minute of its own");
    }

    #[test]
    fn joining_does_not_depend_on_where_it_was_cut() {
        let times: Vec<i64> = (0..80).map(|number| number * number * 30_000_000).collect();
        for cut in 0..times.len() {
            let (mut front, mut back) = (Minutes::default(), Minutes::default());
            times[..cut].iter().for_each(|time| front.add(*time));
            times[cut..].iter().for_each(|time| back.add(*time));
            front.join(&back);
            assert_eq!(front.most(), most(&times), "{cut}");
        }
    }

    #[test]
    fn what_is_taken_back_does_not_count() {
        let mut minutes = Minutes::default();
        minutes.add(0);
        minutes.add(1);
        assert!(minutes.take_back(1));
        assert!(!minutes.take_back(MINUTE));
        assert_eq!(minutes.most(), 1);
    }

    #[test]
    fn operations_with_gaps_join_as_if_they_had_been_one() {
        let hour = 60 * MINUTE;
        let row = |times: &[i64]| {
            let mut activity = Activity::default();
            let mut so_far = SoFar { requests: 0, errors: 0, first: times[0], last: times[0] };
            let mut minute = Minute::of(times[0]);
            for time in times {
                if !minute.holds(*time) {
                    activity.go_on(*time, &so_far, 3600);
                    minute = Minute::of(*time);
                }
                so_far.requests += 1;
                so_far.last = *time;
            }
            (activity, so_far)
        };
        let (one, two) = (row(&[0, 1, 5 * hour, 5 * hour + 1]), row(&[2, 9 * hour, 9 * hour + 1]));
        let joined = one.0.joined(&one.1, &two.0, &two.1, Ordering::Less, 3600);
        let all = row(&[0, 1, 2, 5 * hour, 5 * hour + 1, 9 * hour, 9 * hour + 1]);
        assert_eq!(joined.episodes(&all.1), all.0.episodes(&all.1));
        assert_eq!(all.0.episodes(&all.1).iter().map(|episode| episode.requests).collect::<Vec<_>>(), [3, 2, 2]);
        assert_eq!(all.0.most(&all.1), (3, 0));
    }
}
