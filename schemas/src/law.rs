//! The numbered laws that tests prove and code names.
//!
//! In: nothing. Out: one constant per law. Owns: numbers and wording.

/// A law: its number and what it demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Law {
    /// Number, such as `FLOW-1`.
    pub id: &'static str,
    /// What always holds.
    pub text: &'static str,
}

macro_rules! laws {
    ($( $name:ident $id:literal $text:literal; )+) => {
        $( #[doc = $text] pub const $name: Law = Law { id: $id, text: $text }; )+
        /// Every law that the code keeps today.
        pub const LAWS: &[Law] = &[ $( $name, )+ ];
    };
}

laws! {
    FLOW_1 "FLOW-1" "Records read = decoded + dead-lettered + skipped, per source.";
    FLOW_2 "FLOW-2" "Decoding never panics and is a function of bytes.";
    FLOW_3 "FLOW-3" "No secret appears in any output.";
    STREAM_1 "STREAM-1" "Any cutting into batches or buckets gives the same findings.";
    STREAM_2 "STREAM-2" "Any arrival order within the lateness bound gives the same findings; beyond it a record is counted late.";
    STREAM_3 "STREAM-3" "Any redelivery or duplication of inputs gives the same findings.";
    STREAM_4 "STREAM-4" "Killed at any point and started again, a stream loses nothing and says nothing twice.";
    STREAM_5 "STREAM-5" "A stream gives what a replay of the same records gives, in every field but location and revision.";
    MATCH_1 "MATCH-1" "Taking away a binding or placement source turns a mismatch into undetermined, never into a match or another mismatch.";
    SCREEN_1 "SCREEN-1" "Nothing but allow-listed sequences reaches a terminal.";
    SCREEN_2 "SCREEN-2" "Two different values never look the same.";
    SCREEN_3 "SCREEN-3" "The selection never moves by itself.";
}
