//! The store from outside: what is put in comes out, in order, once, by whoever may.

mod commit;
mod conclusions;
mod copies;
mod damage;
mod flips;
mod folder;
mod journal;
mod kill;
mod live;
mod made_up;
mod order;
mod power;
mod power_disk;
mod records;
mod round_trip;
mod rows;
mod scan;
mod steps;
mod upkeep;
