//! What a scan need not read: the parts of a condition that the store can use.
//!
//! In: conditions on one table, as DataFusion hands them down. Out: a span of time, and texts that columns must equal.
//! Owns: which conditions are understood. Law: what is left out of a scan cannot satisfy the condition; what remains is
//! judged again by the query itself, unless the table says that it gives nothing else.

use datafusion::logical_expr::{BinaryExpr, Expr, Operator};
use datafusion::scalar::ScalarValue;
use offbound_schemas::EventTime;

/// What a scan may confine itself to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Narrowing {
    /// Rows before this moment are not asked for.
    pub(super) from: Option<EventTime>,
    /// Rows at or after this moment are not asked for.
    pub(super) until: Option<EventTime>,
    /// Column and text: other rows are not asked for.
    pub(super) equals: Vec<(String, String)>,
}

impl Narrowing {
    /// What all of these conditions allow; `time` is the column by which rows are ordered.
    pub(super) fn of<'e>(conditions: impl IntoIterator<Item = &'e Expr>, time: Option<&str>) -> Self {
        let mut narrowing = Self::default();
        for part in conditions.into_iter().filter_map(|condition| part(condition, time)) {
            narrowing.add(part);
        }
        narrowing
    }

    fn add(&mut self, part: Part) {
        match part {
            Part::From(from) => self.from = self.from.max(Some(from)),
            Part::Until(until) => {
                self.until = Some(self.until.map_or(until, |known| known.min(until)));
            }
            Part::Equals(column, text) => self.equals.push((column, text)),
        }
    }

    /// The same within a window.
    pub(super) fn within(mut self, since: Option<EventTime>, until: Option<EventTime>) -> Self {
        since.into_iter().for_each(|since| self.add(Part::From(since)));
        until.into_iter().for_each(|until| self.add(Part::Until(until)));
        self
    }

    /// The text that a column must equal, where there is one.
    pub(super) fn text_of(&self, column: &str) -> Option<&str> {
        self.equals.iter().find(|(name, _)| name == column).map(|(_, text)| text.as_str())
    }
}

/// One condition that is understood.
enum Part {
    From(EventTime),
    Until(EventTime),
    Equals(String, String),
}

/// Whether a scan can use this condition.
pub(super) fn is_understood(condition: &Expr, time: Option<&str>) -> bool {
    part(condition, time).is_some()
}

fn part(condition: &Expr, time: Option<&str>) -> Option<Part> {
    let Expr::BinaryExpr(BinaryExpr { left, op, right }) = condition else { return None };
    let (column, operator, value) = match (left.as_ref(), right.as_ref()) {
        (Expr::Column(column), Expr::Literal(value, _)) => (column, *op, value),
        (Expr::Literal(value, _), Expr::Column(column)) => (column, op.swap()?, value),
        _ => return None,
    };
    match value {
        ScalarValue::TimestampNanosecond(Some(nanos), _) if Some(column.name.as_str()) == time => {
            let moment = EventTime(*nanos);
            let next = EventTime(nanos.checked_add(1)?);
            match operator {
                Operator::Gt => Some(Part::From(next)),
                Operator::GtEq => Some(Part::From(moment)),
                Operator::Lt => Some(Part::Until(moment)),
                Operator::LtEq => Some(Part::Until(next)),
                _ => None,
            }
        }
        ScalarValue::Utf8(Some(text))
        | ScalarValue::Utf8View(Some(text))
        | ScalarValue::LargeUtf8(Some(text))
            if operator == Operator::Eq =>
        {
            Some(Part::Equals(column.name.clone(), text.clone()))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datafusion::prelude::{col, lit};

    fn moment(nanos: i64) -> Expr {
        lit(ScalarValue::TimestampNanosecond(Some(nanos), Some("UTC".into())))
    }

    /// Scenario: conditions on time and text, either way round, repeated, and such that no scan can use. Guarantees: the
    /// narrowest span of those that are understood, `until` exclusive.
    #[test]
    fn conditions_narrow_a_scan() {
        let time = col("event_time");
        let conditions = [
            time.clone().gt(moment(10)),
            time.clone().gt_eq(moment(5)),
            moment(90).gt_eq(time.clone()),
            time.lt(moment(95)),
            col("host").eq(lit("n1")),
            lit("x").eq(col("credential_id")),
            col("host").not_eq(lit("n2")),
            col("host").like(lit("n%")),
        ];
        let found = Narrowing::of(&conditions, Some("event_time"));
        let equals = [("host", "n1"), ("credential_id", "x")];
        let equals = equals.map(|(column, text)| (column.to_owned(), text.to_owned())).to_vec();
        let expected = Narrowing { from: Some(EventTime(11)), until: Some(EventTime(91)), equals };
        assert_eq!(found, expected);
        assert_eq!(found.text_of("host"), Some("n1"));
        assert_eq!(Narrowing::of(&conditions[..4], None), Narrowing::default());
        let within = found.within(Some(EventTime(20)), Some(EventTime(200)));
        assert_eq!((within.from, within.until), (Some(EventTime(20)), Some(EventTime(91))));
    }
}
