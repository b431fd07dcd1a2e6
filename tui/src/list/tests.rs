//! SCREEN-3 for lists: only motions move the selection.

use proptest::prelude::*;

use super::{List, Motion, Row, WINDOW_ROWS};
use crate::port::{At, Page, PageRequest};

const HEIGHT: u16 = 10;

#[derive(Debug, Clone, PartialEq)]
struct Number(u32);

impl Row for Number {
    fn id(&self) -> String {
        self.0.to_string()
    }
}

fn answer(all: &[u32], request: &PageRequest) -> Page<Number> {
    let start = match &request.at {
        At::Offset(offset) => *offset,
        At::Around { id, before, otherwise } => match all.iter().position(|n| n.to_string() == *id) {
            Some(index) => (index as u64).saturating_sub(*before),
            None => *otherwise,
        },
    };
    let start = (start as usize).min(all.len());
    let rows = all.iter().skip(start).take(request.limit).copied().map(Number).collect();
    Page { rows, offset: start as u64, total: all.len() as u64, unfiltered: all.len() as u64 }
}

fn load(list: &mut List<Number>, all: &[u32]) {
    let (request, _) = list.request();
    list.apply(answer(all, &request));
}

fn selected_line(list: &List<Number>) -> Option<(u16, u32)> {
    list.visible(HEIGHT).into_iter().find(|(_, row)| row.selected).map(|(line, row)| (line, row.row.0))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Scenario: rows come and go at random around a selection (SCREEN-3). Guarantees: the selected row and its
    /// screen line stay, also when the row itself is gone.
    #[test]
    fn selection_stays(first in 0u32..400, changes in prop::collection::vec((any::<bool>(), 0u32..2000), 0..200)) {
        let mut all: Vec<u32> = (0..800).map(|n| n * 2).collect();
        let mut list = List::default();
        load(&mut list, &all);
        list.step(i64::from(first), HEIGHT);
        let before = selected_line(&list);
        prop_assert_eq!(before.map(|(_, id)| id), Some(first * 2));
        for (insert, value) in changes {
            match all.binary_search(&value) {
                Ok(at) if !insert => { all.remove(at); }
                Err(at) if insert => all.insert(at, value),
                _ => {}
            }
            load(&mut list, &all);
            prop_assert_eq!(selected_line(&list), before);
        }
    }

    /// Scenario: any motions over a list longer than a window. Guarantees: after the answer the cursor is where
    /// arithmetic says, and on the screen.
    #[test]
    fn motions_add_up(steps in prop::collection::vec(-900i64..900, 1..20)) {
        let all: Vec<u32> = (0..5000).collect();
        let mut list = List::default();
        load(&mut list, &all);
        let mut expected = 0i64;
        for step in steps {
            expected = (expected + step).clamp(0, 4999);
            list.step(step, HEIGHT);
            load(&mut list, &all);
            prop_assert_eq!(selected_line(&list).map(|(_, id)| i64::from(id)), Some(expected));
        }
    }
}

/// Scenario: the selected row is removed, then the cursor moves. Guarantees: it goes to the neighbour, either way.
#[test]
fn gone_row_leaves_to_its_neighbour() {
    for (delta, expected) in [(1, 6), (-1, 4)] {
        let mut list = List::default();
        load(&mut list, &(0..20).collect::<Vec<_>>());
        list.step(5, HEIGHT);
        load(&mut list, &(0..20).filter(|n| *n != 5).collect::<Vec<_>>());
        assert!(list.visible(HEIGHT).iter().any(|(_, row)| row.gone && row.row.0 == 5));
        list.step(delta, HEIGHT);
        assert_eq!(selected_line(&list).map(|(_, id)| id), Some(expected));
    }
}

/// Scenario: walking towards the edge of the window. Guarantees: the next window is asked for in time, once.
#[test]
fn windows_are_asked_for_once() {
    let all: Vec<u32> = (0..5000).collect();
    let mut list = List::default();
    load(&mut list, &all);
    let (_, first) = list.request();
    list.step(WINDOW_ROWS as i64 - 60, HEIGHT);
    list.step(1, HEIGHT);
    let (_, second) = list.request();
    assert_eq!(second, first + 1);
}
