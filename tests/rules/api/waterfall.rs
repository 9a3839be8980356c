//! The waterfall of a shutdown, and the moments in its rows.

use std::time::Duration;

use homebound::status::{
    BodyReport, ChainLink, Delayed, HeldBy, ScopeReport, ShutdownReport, SlowestHome, StopOffset, Waterfall,
};
use homebound::{Role, ScopeId, ThreadId, ThreadReport};

use super::{is, owned};

fn rows(row: ThreadReport) {
    is::<ScopeId>(row.scope);
    is::<StopOffset>(row.spawned);
    is::<[Option<StopOffset>; 3]>([row.told, row.overdue, row.ended]);
    is::<Option<HeldBy>>(row.held_by);
}

fn scopes(report: ShutdownReport) {
    is::<Option<Duration>>(report.grace);
    let scopes: Vec<ScopeReport> = report.scopes;
    for ScopeReport { id, path, group, inside, run_by, told, body, .. } in scopes {
        is::<(ScopeId, String, bool)>((id, path, group));
        is::<(Option<ScopeId>, Option<ThreadId>, Option<StopOffset>)>((inside, run_by, told));
        let body: Option<BodyReport> = body;
        is(body.map(|BodyReport { overdue, ended, waits, .. }| (overdue, ended, waits)));
    }
}

fn offsets(at: StopOffset) {
    is::<(Duration, Duration, bool, f64)>((at.after(), at.before(), at.is_before(), at.as_secs_f64()));
    is::<String>(at.to_string());
}

fn pictures(report: &ShutdownReport) {
    let waterfall: Waterfall = report.waterfall();
    is::<[String; 3]>([waterfall.to_svg(), waterfall.to_html(), waterfall.to_string()]);
    for ChainLink { thread, path, role, told, ended, took, waits, delayed, .. } in report.critical_chain() {
        is::<(Option<ThreadId>, String, Role)>((thread, path, role));
        is::<(Option<StopOffset>, Option<StopOffset>, Duration)>((told, ended, took));
        is::<Option<String>>(waits);
        match delayed {
            Delayed::End | Delayed::Turn | Delayed::TurnAfterShare | Delayed::Wait => {}
            _ => {}
        }
    }
    if let Some(SlowestHome { thread, name, path, took, margin, .. }) = report.slowest_home() {
        is::<(ThreadId, String, String)>((thread, name, path));
        is::<(Duration, Option<Duration>)>((took, margin));
    }
}

fn history(registry: homebound::Registry) {
    is::<homebound::Registry>(registry.history("history.jsonl").history(std::path::PathBuf::new()));
}

#[test]
fn the_calls_compile() {
    is((rows, scopes, offsets, pictures, history));
    owned::<Waterfall>();
    owned::<ChainLink>();
    owned::<ScopeReport>();
    owned::<StopOffset>();
}
