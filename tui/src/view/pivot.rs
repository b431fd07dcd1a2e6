//! The entities that what is selected names: one digit, or Enter, goes to one.

use ratatui::layout::Rect;

use super::canvas::{Canvas, Target};
use super::chrome::body_area;
use super::ink::{Ink, Line};
use super::{View, table};
use crate::list::{Motion, Row};
use crate::location::{Location, Subject};
use crate::model::Model;
use crate::port::Entity;
use crate::question::Question;
use crate::theme::Role;
use crate::update::{arrive, go};

/// The view.
pub(crate) struct Pivot;

/// An entity to go to, and its number in the menu.
#[derive(Debug, Clone)]
pub(crate) struct PivotRow {
    number: usize,
    entity: Entity,
}

impl Row for PivotRow {
    fn id(&self) -> String {
        format!("{} {}", self.entity.kind.name(), self.entity.name)
    }
}

/// Goes to the one entity that is named, or to the menu of several.
pub(crate) fn pivot(model: &mut Model) -> Result<(), String> {
    match model.view().entities(model).as_slice() {
        [] => Err("nothing selected here names a host, workload or credential".to_owned()),
        [one] => {
            let place = page(one);
            go(model, place);
            Ok(())
        }
        _ => {
            go(model, Location::new("pivot", Subject::All));
            Ok(())
        }
    }
}

fn page(entity: &Entity) -> Location {
    Location::new("entity", Subject::Entity(entity.clone()))
}

/// Goes there in place of the menu, so that the way back leads to where it was called from.
fn leave_for(model: &mut Model, entity: &Entity) {
    *model.history.here_mut() = page(entity);
    arrive(model);
}

/// The entities of what is selected in the place that the menu was called from.
fn named_before(model: &mut Model) -> Vec<Entity> {
    let stepped = model.history.back();
    let entities = model.view().entities(model);
    if stepped {
        model.history.forward();
    }
    entities
}

impl View for Pivot {
    fn name(&self) -> &'static str {
        "pivot"
    }
    fn crumb(&self, _place: &Location) -> Line {
        vec![Ink::fixed("go to")]
    }
    fn wants(&self, _model: &Model) -> Vec<Question> {
        Vec::new()
    }
    fn list<'m>(&self, model: &'m mut Model) -> Option<&'m mut dyn Motion> {
        Some(&mut model.pivot)
    }
    fn body(&self, model: &Model) -> u16 {
        body_area(model.size).height.saturating_sub(1)
    }
    fn fill(&self, model: &mut Model) {
        let entities = named_before(model);
        let row = |(at, entity)| PivotRow { number: at + 1, entity };
        model.pivot.fill(entities.into_iter().enumerate().map(row).collect());
    }
    fn pick(&self, model: &mut Model, key: char) -> bool {
        let Some(wanted) = key.to_digit(10).and_then(|digit| usize::try_from(digit).ok()) else {
            return false;
        };
        match wanted.checked_sub(1).and_then(|at| named_before(model).into_iter().nth(at)) {
            Some(entity) => leave_for(model, &entity),
            None => model.complain("no such number here"),
        }
        true
    }
    fn run_selected(&self, model: &mut Model) -> bool {
        if let Some(entity) = model.pivot.selected().map(|row| row.entity.clone()) {
            leave_for(model, &entity);
        }
        true
    }
    fn open(&self, model: &Model) -> Option<Location> {
        model.pivot.selected().map(|row| page(&row.entity))
    }
    fn hints(&self) -> &'static [&'static str] {
        &["open", "back"]
    }
    fn draw(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        canvas.rule(
            area,
            area.y,
            &[Ink::fixed("go to").role(Role::Strong)],
            &[Ink::fixed("1-9 or Enter").role(Role::Dim)],
        );
        let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        for (line, visible) in model.pivot.visible(body.height) {
            let row = Rect { y: body.y + line, height: 1, ..body };
            let number = match visible.row.number {
                number @ 1..=9 => Ink::number(number as u64).role(Role::Key),
                _ => Ink::fixed(" "),
            };
            let PivotRow { entity, .. } = visible.row;
            let kind = Ink::fixed(entity.kind.name()).role(Role::Dim);
            let gap = super::facts::pad(11_usize.saturating_sub(kind.width()));
            let text = [number, Ink::fixed("  "), kind, gap, Ink::outside(&entity.name)];
            canvas.line(row.x + 2, row.y, row.width.saturating_sub(3), &text);
            table::mark(canvas, row, visible.selected, visible.gone);
            canvas.hit(row, Target::Row(visible.index));
        }
    }
}
