//! Fair shares: whose rows go first.
//!
//! In: items with their holder, time and size; how much is too much. Out: the items that go.
//! Owns: the order. Law: of all groups the one that holds the most gives, within it the holder and part with the most, of
//! it the oldest item, until enough is given; who holds little keeps what it has, however much others send.

use std::collections::BinaryHeap;

use offbound_schemas::EventTime;

/// Something that may be given up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item {
    pub(super) holder: u32,
    pub(super) time: EventTime,
    pub(super) bytes: usize,
    /// Counted as held, and given up only if this says so.
    pub(super) is_free: bool,
}

/// Sizes by number, the largest first; of equal ones that which was known last.
type Largest = BinaryHeap<(usize, u32)>;

/// One group: what it holds, and what each of its holders does.
#[derive(Debug, Default)]
struct Group {
    bytes: usize,
    holders: Largest,
}

/// The items that go until `excess` bytes are given up; `groups` tells the group of each holder.
pub(super) fn choose(items: &[Item], groups: &[u32], excess: usize) -> Vec<usize> {
    let mut queues = queues(items, groups.len());
    let mut held = vec![0usize; groups.len()];
    for item in items {
        if let Some(held) = held.get_mut(item.holder as usize) {
            *held += item.bytes;
        }
    }
    let mut shares: Vec<Group> = Vec::new();
    shares.resize_with(groups.iter().max().map_or(0, |last| *last as usize + 1), Group::default);
    for (holder, (group, bytes)) in (0u32..).zip(groups.iter().zip(&held)) {
        if let Some(share) = shares.get_mut(*group as usize) {
            share.bytes += bytes;
            share.holders.push((*bytes, holder));
        }
    }
    let mut largest: Largest = (0u32..).zip(&shares).map(|(group, share)| (share.bytes, group)).collect();
    let mut chosen = Vec::new();
    let mut given = 0;
    while given < excess
        && let Some((bytes, group)) = largest.pop()
    {
        let Some(share) = shares.get_mut(group as usize) else { continue };
        let Some((of_holder, holder)) = share.holders.pop() else { continue };
        if let Some((place, item)) = queues
            .get_mut(holder as usize)
            .and_then(Vec::pop)
            .and_then(|place| Some((place, items.get(place)?)))
        {
            chosen.push(place);
            given += item.bytes;
            share.holders.push((of_holder.saturating_sub(item.bytes), holder));
            largest.push((bytes.saturating_sub(item.bytes), group));
        } else {
            // This holder has nothing more to give; what others of its group hold is still theirs.
            largest.push((bytes, group));
        }
    }
    chosen
}

/// Free items by holder, the oldest last.
fn queues(items: &[Item], holders: usize) -> Vec<Vec<usize>> {
    let mut queues: Vec<Vec<usize>> = vec![Vec::new(); holders];
    for (place, item) in items.iter().enumerate().filter(|(_, item)| item.is_free) {
        if let Some(queue) = queues.get_mut(item.holder as usize) {
            queue.push(place);
        }
    }
    for queue in &mut queues {
        let time = |place: &usize| items.get(*place).map(|item| (item.time, *place));
        queue.sort_unstable_by_key(|place| std::cmp::Reverse(time(place)));
    }
    queues
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Holders 0 and 1 are a group, 2 is one of its own.
    const GROUPS: [u32; 3] = [0, 0, 1];

    fn item((holder, time, bytes, is_free): (u32, i64, usize, bool)) -> Item {
        Item { holder, time: EventTime(time), bytes, is_free }
    }

    fn check(items: &[(u32, i64, usize, bool)], excess: usize, expected: &[usize]) {
        let items: Vec<Item> = items.iter().copied().map(item).collect();
        assert_eq!(choose(&items, &GROUPS, excess), expected, "{items:?}");
    }

    /// Scenario: one holder has most of everything; others have a little, and older rows. Guarantees: the large one gives,
    /// its oldest first, down to what others have; then they give in turns; pinned rows and enough is enough.
    #[test]
    fn whoever_holds_the_most_gives() {
        let flood =
            [(2, 1, 10, true), (0, 50, 10, true), (0, 40, 10, true), (0, 60, 10, true), (1, 2, 5, true)];
        check(&flood, 1, &[2]);
        check(&flood, 20, &[2, 1]);
        check(&flood, 0, &[]);
        check(&flood, 31, &[2, 1, 3, 0]);
        check(&[(0, 1, 90, false), (0, 2, 5, true), (2, 1, 20, true)], 10, &[1, 2]);
        check(&[(0, 1, 90, false)], 10, &[]);
    }
}
