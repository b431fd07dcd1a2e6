//! Microsoft Sentinel's Syslog table: `{"SyslogMessage":"…","HostName":"…","TimeGenerated":"…"}`.
//!
//! In: a JSON object. Out: `SyslogMessage`.

use super::{Outer, Payload, take, take_time, text_at};
use crate::decode::Envelope;

pub(super) fn peel(outer: &Outer<'_>, envelope: &mut Envelope) -> Option<Payload> {
    let json = outer.json?;
    let message = text_at(json, &["SyslogMessage"])?;
    take(&mut envelope.host, text_at(json, &["HostName"]).or(text_at(json, &["Computer"])));
    take(&mut envelope.program, text_at(json, &["ProcessName"]));
    take_time(&mut envelope.time, text_at(json, &["EventTime"]).or(text_at(json, &["TimeGenerated"])));
    Some(Payload::whole(message))
}
