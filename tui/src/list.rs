//! A list of which only a window is held, and the selection in it.
//!
//! In: pages, and motions of the cursor. Out: the rows on the screen, and the window wanted next.
//! Owns: what is selected. Law SCREEN-3: the selection is an id; nothing but a motion changes it or the screen
//! line that it is on. A selected row that is no longer in the list stays, marked as gone, until the cursor moves.

use crate::port::{At, EntityRow, EventRow, FindingRow, IncidentRow, Page, PageRequest, Sort, SourceRow};

/// Rows that a window holds: three screens of the tallest terminal, so that motion rarely waits.
pub(crate) const WINDOW_ROWS: usize = 512;
/// Rows from the edge of the window at which the next window is asked for.
const MARGIN_ROWS: u64 = 128;

/// A row with an identity.
pub(crate) trait Row: Clone {
    /// What it is, whatever its place in the list.
    fn id(&self) -> String;
    /// Whether the cursor may rest on it.
    fn selectable(&self) -> bool {
        true
    }
}

impl Row for FindingRow {
    fn id(&self) -> String {
        self.id.to_string()
    }
}

impl Row for IncidentRow {
    fn id(&self) -> String {
        self.id.to_string()
    }
}

impl Row for EntityRow {
    fn id(&self) -> String {
        format!("{} {}", self.entity.kind.name(), self.entity.name)
    }
}

impl Row for EventRow {
    fn id(&self) -> String {
        self.id.to_string()
    }
}

impl Row for SourceRow {
    fn id(&self) -> String {
        match self {
            Self::Source(source) => format!("source {}", source.location),
            Self::Gap(gap) => format!("gap {} {} {} {}", gap.from, gap.to, gap.source, gap.scope),
        }
    }
}

/// What moves the cursor of any list.
pub(crate) trait Motion {
    /// Moves by `delta` rows, on a list body of `height` lines.
    fn step(&mut self, delta: i64, height: u16);
    /// Moves to the row `index`.
    fn go(&mut self, index: u64, height: u16);
    /// Rows of the list.
    fn total(&self) -> u64;
    /// What is selected.
    fn cursor(&self) -> Option<&str>;
    /// Screen line of the selection.
    fn line(&self) -> u16;
    /// Takes up a selection of earlier, where it still exists.
    fn restore(&mut self, cursor: Option<&str>, line: u16);
    /// Changes what is listed; the selection stays if it is still there, else the first row is taken.
    fn refilter(&mut self, filter: &str, sort: Sort);
}

/// A list, its window and its selection.
#[derive(Debug, Clone)]
pub(crate) struct List<R> {
    page: Page<R>,
    filter: String,
    sort: Sort,
    /// Counts the windows asked for.
    turn: u64,
    /// Whether a window around the cursor is on its way.
    recentring: bool,
    cursor: Option<String>,
    /// The selected row as last seen: what is shown when it is gone.
    seen: Option<R>,
    gone: bool,
    index: u64,
    line: u16,
    /// A motion to a row outside the window, on its way.
    wanted: Option<u64>,
    /// Whether a page without the selection may select its first row.
    may_reselect: bool,
}

impl<R> Default for List<R> {
    fn default() -> Self {
        Self {
            page: Page::default(),
            filter: String::new(),
            sort: Sort::default(),
            turn: 0,
            recentring: false,
            cursor: None,
            seen: None,
            gone: false,
            index: 0,
            line: 0,
            wanted: None,
            may_reselect: true,
        }
    }
}

/// A line of the list body.
pub(crate) struct Visible<'a, R> {
    /// The row.
    pub(crate) row: &'a R,
    /// Its index; what a click on it selects.
    pub(crate) index: u64,
    /// Whether it is selected.
    pub(crate) selected: bool,
    /// Whether it is no longer in the list.
    pub(crate) gone: bool,
}

impl<R: Row> List<R> {
    /// The window wanted, and its number: as long as that stays, the window at hand will do.
    pub(crate) fn request(&self) -> (PageRequest, u64) {
        let half = WINDOW_ROWS as u64 / 2;
        let at = match (self.wanted, &self.cursor) {
            (Some(target), _) => At::Offset(target.saturating_sub(half)),
            (None, Some(id)) => {
                At::Around { id: id.clone(), before: half, otherwise: self.index.saturating_sub(half) }
            }
            (None, None) => At::Offset(0),
        };
        (PageRequest { filter: self.filter.clone(), sort: self.sort, at, limit: WINDOW_ROWS }, self.turn)
    }

    /// Rows of the list, and without its filter.
    pub(crate) fn totals(&self) -> (u64, u64) {
        (self.page.total, self.page.unfiltered)
    }

    /// The selected row, also when it is gone.
    pub(crate) fn selected(&self) -> Option<&R> {
        self.seen.as_ref()
    }

    /// Replaces everything by `rows`.
    pub(crate) fn fill(&mut self, rows: Vec<R>) {
        let total = rows.len() as u64;
        self.apply(Page { rows, offset: 0, total, unfiltered: total });
    }

    /// Lets go of the rows until others come; what is selected stays selected, if it is among them.
    pub(crate) fn empty(&mut self) {
        self.page = Page::default();
        (self.seen, self.gone, self.may_reselect) = (None, false, true);
    }

    /// Takes in a page.
    pub(crate) fn apply(&mut self, page: Page<R>) {
        self.page = page;
        self.recentring = false;
        if let Some(wanted) = self.wanted.take() {
            let target = wanted.min(self.page.total.saturating_sub(1));
            if !self.select_near(target, 1) && !self.select_near(target, -1) {
                self.select_first();
            }
            return;
        }
        let found = self.cursor.as_ref().and_then(|id| self.page.rows.iter().position(|row| row.id() == *id));
        match found {
            Some(at) => self.keep(at),
            None if self.seen.is_some() && !self.may_reselect => self.gone = true,
            None => self.select_first(),
        }
        self.may_reselect = false;
    }

    fn keep(&mut self, at: usize) {
        self.index = self.page.offset + at as u64;
        self.seen = self.page.rows.get(at).cloned();
        self.gone = false;
    }

    fn select_first(&mut self) {
        self.cursor = None;
        self.seen = None;
        self.gone = false;
        (self.index, self.line) = (self.page.offset, 0);
        if let Some(at) = self.page.rows.iter().position(R::selectable) {
            self.cursor = self.page.rows.get(at).map(R::id);
            self.line = u16::try_from(at).unwrap_or(0);
            self.keep(at);
        }
    }

    /// Selects the row `index`, or the next selectable one in `direction`; false when the window has none.
    fn select_near(&mut self, index: u64, direction: i64) -> bool {
        let Some(mut at) = index.checked_sub(self.page.offset).and_then(|at| usize::try_from(at).ok()) else {
            return false;
        };
        while let Some(row) = self.page.rows.get(at) {
            if row.selectable() {
                self.cursor = Some(row.id());
                self.keep(at);
                return true;
            }
            match at.checked_add_signed(if direction < 0 { -1 } else { 1 }) {
                Some(next) => at = next,
                None => return false,
            }
        }
        false
    }

    fn holds(&self, index: u64) -> bool {
        let end = self.page.offset + self.page.rows.len() as u64;
        (self.page.offset..end).contains(&index)
    }

    fn is_near_edge(&self) -> bool {
        let end = self.page.offset + self.page.rows.len() as u64;
        (self.page.offset > 0 && self.index < self.page.offset + MARGIN_ROWS)
            || (end < self.page.total && self.index + MARGIN_ROWS > end)
    }

    /// Index of the row on the first screen line; negative when the list begins further down.
    fn top(&self) -> i64 {
        self.index.cast_signed() - i64::from(self.line)
    }

    /// The rows on a body of `height` lines, each with its screen line.
    pub(crate) fn visible(&self, height: u16) -> Vec<(u16, Visible<'_, R>)> {
        (0..height).filter_map(|line| self.at_line(line).map(|row| (line, row))).collect()
    }

    fn at_line(&self, line: u16) -> Option<Visible<'_, R>> {
        let shift = i64::from(self.gone && line > self.line);
        let index = u64::try_from(self.top() + i64::from(line) - shift).ok()?;
        if self.gone && line == self.line {
            return self.seen.as_ref().map(|row| Visible { row, index, selected: true, gone: true });
        }
        let at = usize::try_from(index.checked_sub(self.page.offset)?).ok()?;
        let row = self.page.rows.get(at)?;
        let selected = !self.gone && index == self.index && self.cursor.is_some();
        Some(Visible { row, index, selected, gone: false })
    }

    /// Puts the selection on a screen line that shows as much of the list as fits.
    fn settle(&mut self, moved: i64, height: u16) {
        let last_line = i64::from(height.saturating_sub(1));
        let total = self.page.total.cast_signed();
        let index = self.index.cast_signed();
        let line = (i64::from(self.line) + moved).clamp(0, last_line);
        // No blank lines above the first row, nor below the last while rows are hidden above.
        let from_end = last_line + 1 - (total - index);
        let line = line.max(from_end).min(index).clamp(0, last_line);
        // Headings above the first row that can be selected stay in sight.
        let only_headings = index <= last_line && self.rows_before_selected().all(|row| !row.selectable());
        let line = if only_headings { index } else { line };
        self.line = u16::try_from(line).unwrap_or(0);
    }

    fn rows_before_selected(&self) -> impl Iterator<Item = &R> {
        let before = usize::try_from(self.index.saturating_sub(self.page.offset)).unwrap_or(0);
        self.page.rows.iter().take(before)
    }
}

impl<R: Row> Motion for List<R> {
    fn step(&mut self, delta: i64, height: u16) {
        // The row after a gone one has taken its index.
        let delta = if self.gone && delta > 0 { delta - 1 } else { delta };
        let target = self.wanted.unwrap_or(self.index).saturating_add_signed(delta);
        self.go(target, height);
    }

    fn go(&mut self, index: u64, height: u16) {
        if self.page.total == 0 {
            return;
        }
        let target = index.min(self.page.total - 1);
        if !self.holds(target) {
            self.wanted = Some(target);
            self.turn += 1;
            self.line = if target < self.index { 0 } else { height.saturating_sub(1) };
            return;
        }
        self.wanted = None;
        let before = self.index;
        let direction = if target < before { -1 } else { 1 };
        if self.select_near(target, direction) || self.select_near(target, -direction) {
            self.settle(self.index.cast_signed() - before.cast_signed(), height);
        }
        if self.is_near_edge() && !self.recentring {
            self.recentring = true;
            self.turn += 1;
        }
    }

    fn total(&self) -> u64 {
        self.page.total
    }

    fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    fn line(&self) -> u16 {
        self.line
    }

    fn restore(&mut self, cursor: Option<&str>, line: u16) {
        if self.cursor.as_deref() == cursor && cursor.is_some() {
            return;
        }
        self.cursor = cursor.map(str::to_owned);
        (self.seen, self.gone, self.line, self.wanted) = (None, false, line, None);
        match self.page.rows.iter().position(|row| Some(row.id().as_str()) == cursor) {
            Some(at) => self.keep(at),
            None => {
                self.may_reselect = true;
                self.turn += 1;
            }
        }
    }

    fn refilter(&mut self, filter: &str, sort: Sort) {
        if self.filter == filter && self.sort == sort {
            return;
        }
        filter.clone_into(&mut self.filter);
        self.sort = sort;
        self.turn += 1;
        (self.may_reselect, self.wanted) = (true, None);
    }
}

#[cfg(test)]
mod tests;
