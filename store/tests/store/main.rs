//! The store from outside: what is put in comes out, in order, once, by whoever may.

mod commit;
mod conclusions;
mod damage;
mod folder;
mod live;
mod made_up;
mod order;
mod records;
mod round_trip;
mod rows;
mod scan;
