//! WF1 to WF3: when each thread was told and home, which chain delayed the end, and the pictures.
#![allow(clippy::unit_arg)] // `Ok(assert!(..))` reads well as the last word of a body

use std::time::Duration;

use crate::common::*;
use crossbeam_channel::bounded;
use homebound::status::Delayed;
use homebound::{
    ChainLink, Context, Ending, Handle, Result, Role, Scope, ShutdownReport, ThreadReport, registry, scope,
    scope_named,
};
use roxmltree::{Document, ParsingOptions};

/// Waits for the stop, and then needs so many milliseconds.
pub(super) fn slow(ms: u64) -> impl Fn(&Context) -> Result + Send + Copy {
    move |cx| {
        cx.wait_for_stop();
        Ok(linger(ms))
    }
}

#[track_caller]
fn row<'a>(report: &'a ShutdownReport, name: &str) -> &'a ThreadReport {
    report.threads.iter().find(|row| row.name == name).expect("a row")
}

/// The last steps of the paths in the chain, and what each link delayed.
pub(super) fn chain(report: &ShutdownReport) -> Vec<(String, Delayed)> {
    let last = |link: ChainLink| (link.path.rsplit('/').next().unwrap_or_default().to_owned(), link.delayed);
    report.critical_chain().into_iter().map(last).collect()
}

pub(super) fn named<const N: usize>(links: [(&str, Delayed); N]) -> Vec<(String, Delayed)> {
    links.map(|(name, delayed)| (name.to_owned(), delayed)).to_vec()
}

/// The parts of the links are the whole.
#[track_caller]
fn adds_up(report: &ShutdownReport) {
    let sum: Duration = report.critical_chain().iter().map(|link| link.took).sum();
    assert!(report.duration.abs_diff(sum) < Duration::from_micros(1), "{sum:?} of {:?}", report.duration);
}

pub(super) fn shut(
    body: impl for<'s> FnOnce(&'s Scope<'s, '_>) -> Result + Send + 'static,
) -> ShutdownReport {
    within(|| {
        let shut = scope_named("app", |s| {
            body(s)?;
            Ok(s.shutdown(NEVER))
        });
        shut.unwrap()
    })
}

#[test]
fn wf1_moments_count_from_the_stop() {
    // catches: an offset from the spawn, a moment before the stop that is cut off or wraps, a
    // service that counts as told with its users
    let report = shut(|s| {
        let early = s.spawn("early", "is told before", slow(30))?;
        s.service("clock", "is told after its users", slow(5))?;
        s.spawn("worker", "is told at once", slow(20))?;
        linger(10);
        Ok(early.stop())
    });
    let [early, clock, worker] = ["early", "clock", "worker"].map(|name| row(&report, name));
    for row in &report.threads {
        assert!(row.spawned.is_before() && row.spawned < row.told.unwrap(), "{row:?}");
        assert!(row.told <= row.ended && row.overdue.is_none(), "{row:?}");
        let took = row.ended.unwrap().after().saturating_sub(row.told.unwrap().after());
        assert!(took <= row.after_stop.unwrap(), "{row:?}");
    }
    assert!(worker.spawned.before() >= Duration::from_millis(10), "{worker:?}");
    assert!(early.told.unwrap().is_before() && !worker.told.unwrap().is_before(), "{report:?}");
    assert!(clock.told >= worker.ended, "{report:?}");
    assert!(worker.ended.unwrap().as_secs_f64() >= 0.02 && early.told.unwrap().as_secs_f64() < 0.0);
    assert!(early.told.unwrap().to_string().starts_with('-'));
    let top = &report.scopes[0];
    assert_eq!((top.id, &*top.path, top.inside), (worker.scope, "/app", None));
    assert!(top.body.is_none(), "the body asks: {top:?}");
}

#[test]
fn wf1_a_thread_that_was_not_told_has_no_such_moment() {
    // catches: the end of the last worker taken for a request, a made-up moment
    let report = within(|| {
        let failed: std::result::Result<(), _> = scope(|s| {
            s.service("clock", "is told by the end of the users", slow(1))?;
            s.thread("alone", "fails alone").isolated().spawn(|_| -> Result { Err(boom("no")) })?;
            Ok(())
        });
        failed.unwrap_err().report().clone()
    });
    let clock = row(&report, "clock");
    assert!(clock.told.is_some() && clock.ended >= clock.told, "{report:?}");
    assert!(report.threads.iter().filter(|row| row.name == "alone").all(|row| row.told.is_none()));
    assert!(report.reason.is_none());
    assert!(report.waterfall().to_string().ends_with("<- the end of the last worker"), "{report}");
}

#[test]
fn wf2_services_in_turn_are_a_chain() {
    // catches: a chain that ends at the last one home, services in the order of their spawns, the
    // body that only woke up as a link
    let report = shut(|s| {
        for name in ["first", "second", "third"] {
            s.service(name, "needs its time", slow(100))?;
        }
        Ok(())
    });
    let turns = named([("first", Delayed::End), ("second", Delayed::Turn), ("third", Delayed::Turn)]);
    assert_eq!(chain(&report), turns);
    adds_up(&report);
    let moments = ["third", "second", "first"].map(|name| row(&report, name));
    for pair in moments.windows(2) {
        assert!(pair[0].ended <= pair[1].told, "in turn: {report:?}");
    }
    let text = report.waterfall().to_string();
    let bars: Vec<_> = text.lines().filter(|line| line.contains('|')).collect();
    let begins = |bar: &str| bar.find('=').unwrap();
    assert_eq!(bars.len(), 3, "{text}");
    // At one place, where a busy machine has made one of them much longer than the others.
    assert!(begins(bars[0]) <= begins(bars[1]) && begins(bars[1]) <= begins(bars[2]), "{text}");
    assert!(bars[0].starts_with("third") && bars[2].contains(":="), "{text}");
}

#[test]
fn wf2_the_chain_goes_into_what_held_a_worker() {
    // catches: a chain that ends at the worker, the threads of a group or a child scope as nobody's
    let report = shut(|s| {
        s.service("log", "is told last", slow(5))?;
        let group = s.group("net")?;
        group.service("socket", "is told after the reader", slow(5))?;
        group.spawn("reader", "is told with the group", slow(5))?;
        std::mem::forget(group);
        let quick = s.spawn("quick", "is home at once", slow(0))?;
        let (ready, is_ready) = gate();
        s.spawn("till", "runs a scope", move |_| {
            Ok(scope_named("tills", |tills| {
                let lamp = tills.spawn("lamp", "is quick", slow(0))?;
                tills.spawn("drawer", "is slow", move |cx| {
                    cx.wait_for_stop();
                    eventually("the quick ones are home", || quick.is_finished() && lamp.is_finished());
                    // So that the wait for it is no moment.
                    Ok(linger(100))
                })?;
                Ok(drop(ready))
            })?)
        })?;
        Ok(pass(&is_ready))
    });
    let links = named([
        ("log", Delayed::End),
        ("socket", Delayed::Turn),
        ("reader", Delayed::Turn),
        ("till", Delayed::Turn),
        ("drawer", Delayed::Wait),
    ]);
    assert_eq!(chain(&report), links);
    adds_up(&report);
    let tills = report.scopes.iter().find(|scope| scope.path == "/app/till/tills").expect("a scope row");
    assert_eq!(tills.run_by, Some(row(&report, "till").id));
    assert_eq!(row(&report, "drawer").scope, tills.id);
    assert_eq!(row(&report, "till").held_by.as_ref().and_then(|held| held.scope), Some(tills.id));
    assert!(tills.body.as_ref().is_some_and(|body| body.ended.is_some()) || tills.body.is_none());
}

#[test]
fn wf2_a_join_that_outlasts_the_stop_is_a_link() {
    // catches: a joiner that takes the blame for the thread that it joined
    let report = shut(|s| {
        let slow = s.spawn("slow", "is joined", slow(100))?;
        let (ready, is_ready) = gate();
        s.spawn("joiner", "joins without hearing the stop", move |cx| {
            drop(ready);
            let joined = cx.shield(NEVER, |_| slow.join());
            Ok(joined?)
        })?;
        Ok(pass(&is_ready))
    });
    assert_eq!(chain(&report), named([("joiner", Delayed::End), ("slow", Delayed::Wait)]));
    let (joiner, slow) = (row(&report, "joiner"), row(&report, "slow"));
    assert_eq!(joiner.held_by.as_ref().and_then(|held| held.thread), Some(slow.id));
    assert!(report.critical_chain()[1].took >= Duration::from_millis(100), "{report:?}");
}

#[test]
fn wf2_a_body_that_is_late_is_a_link() {
    // catches: the time of the body as nobody's
    child_passes(|_| {
        let exit = registry::run(|s| {
            s.service("log", "is told after the body", slow(5))?;
            s.stop();
            Ok(linger(100))
        });
        let links = exit.shutdown.critical_chain();
        let roles: Vec<_> = links.iter().map(|link| (link.role, link.thread.is_none())).collect();
        assert_eq!(roles, [(Role::Service, false), (Role::Body, true)], "{links:?}");
        assert!(links[1].took >= Duration::from_millis(100), "{links:?}");
        let body = exit.shutdown.scopes[0].body.as_ref().expect("it was told");
        assert!(body.ended == links[1].ended && body.overdue.is_none());
        i32::from(exit.code())
    });
}

#[test]
fn wf2_a_thread_whose_share_is_over_is_a_link() {
    // catches: a chain that waits for a thread that nobody waited for any longer, an end that is
    // made up
    fn deaf_beside_services(grace: Duration) -> ShutdownReport {
        let (hold, held) = gate();
        let report = scope(|s| {
            s.service("log", "is home at once", slow(0))?;
            s.service("stuck", "is home at once", slow(0))?;
            s.spawn("deaf", "does not hear", move |_| Ok(pass(&held)))?;
            let report = s.shutdown(grace);
            drop(hold);
            Ok(report)
        });
        report.unwrap()
    }
    within(|| {
        // On a busy machine the services need more time than a short grace has for them.
        let graces = (0..8).map(|doubled| Duration::from_millis(200 << doubled));
        let mut reports = graces.map(deaf_beside_services);
        let report = reports.find(|report| report.timeout == 1).expect("the services are home in time");
        let deaf = row(&report, "deaf");
        assert_eq!((deaf.ending, deaf.ended), (Ending::Overdue, None), "{report}");
        assert!(deaf.overdue >= deaf.told && row(&report, "log").told >= deaf.overdue, "{report:?}");
        let chain = report.critical_chain();
        assert_eq!((&*chain[0].path, chain[0].delayed), (&*deaf.path, Delayed::End), "{chain:?}");
        let text = report.waterfall().to_string();
        let bar = text.lines().find(|line| line.starts_with("deaf")).expect("a bar");
        assert!(bar.contains("=#") && bar.contains("#>|") && bar.contains("OVERDUE"), "{text}");
        assert!(report.waterfall().to_svg().contains("overdue"));
    });
}

#[test]
fn wf2_a_service_that_is_told_after_a_late_thread_has_it_as_its_link() {
    // catches: a service whose delay has no reason, because the late thread came home after it was
    // told
    child_passes(|_| {
        let (open, gate) = gate();
        let registry = registry::Registry::new("app").grace(Duration::from_millis(400)).kill_after(NEVER);
        let exit = registry.run(|s| {
            let (tell, told) = bounded(1);
            s.service("log", "lets the late one go", move |cx| {
                cx.wait_for_stop();
                drop(open);
                let deaf: Handle<'_, ()> = told.recv()?;
                Ok(eventually("the late one is home", || deaf.is_finished()))
            })?;
            let deaf = s.spawn("deaf", "is late", move |_| Ok(pass(&gate)))?;
            tell.send(deaf).expect("it has room");
            Ok(s.stop())
        });
        let links = named([("log", Delayed::End), ("deaf", Delayed::TurnAfterShare)]);
        assert_eq!(chain(&exit.shutdown), links, "{}", exit.shutdown);
        adds_up(&exit.shutdown);
        let (log, deaf) = (row(&exit.shutdown, "log"), row(&exit.shutdown, "deaf"));
        assert!(deaf.overdue <= log.told && log.told <= deaf.ended && deaf.ended < log.ended);
        i32::from(exit.code())
    });
}

const HOSTILE: &str = "</title><script src=\"http://evil\">&'\u{202e}\n\u{7}\u{ffff}]]>";

/// Well-formed, no larger than promised, without a place to load something from.
#[track_caller]
fn is_sound(report: &ShutdownReport) -> [usize; 2] {
    let (svg, html) = (report.waterfall().to_svg(), report.waterfall().to_html());
    // The browser holds the page to it as well: a page that is changed later loads nothing either.
    assert!(html.contains("Content-Security-Policy\" content=\"default-src 'none'; "), "{html}");
    let document = Document::parse(&svg).expect("XML");
    assert_eq!(document.root_element().tag_name().namespace(), Some("http://www.w3.org/2000/svg"));
    let page = html.strip_prefix("<!DOCTYPE html>\n").expect("a page");
    let page = Document::parse_with_options(page, ParsingOptions::default()).expect("well-formed");
    let scripts = page.descendants().filter(|node| node.has_tag_name("script")).count();
    assert_eq!(scripts, 1, "a name has become an element");
    for node in page.descendants().chain(document.descendants()) {
        let loads = |name: &str| ["src", "href", "data", "action", "style", "onload"].contains(&name);
        assert!(node.attributes().all(|attribute| !loads(attribute.name())), "{node:?}");
        let loads = ["link", "img", "image", "iframe", "object", "use", "foreignObject"];
        assert!(!loads.contains(&node.tag_name().name()), "{node:?}");
    }
    let styles = page.descendants().filter(|node| node.has_tag_name("style")).filter_map(|node| node.text());
    assert!(styles.clone().all(|style| !style.contains("url(") && !style.contains("@import")));
    for text in [&svg, &html] {
        assert!(text.len() <= 200_000, "{} bytes", text.len());
        assert!(!text.contains(['\u{202e}', '\u{7}', '\u{ffff}']), "a mark is not written out");
    }
    [svg.len(), html.len()]
}

#[test]
fn wf3_files_are_sound_whatever_the_names_are() {
    // catches: a name that becomes an element, a control character that no XML holds, a table
    // without end
    let report = shut(|s| {
        s.service(HOSTILE, HOSTILE, slow(1))?;
        Ok(drop(s.spawn("plain", "x", slow(1))?))
    });
    is_sound(&report);
    let svg = report.waterfall().to_svg();
    let document = Document::parse(&svg).unwrap();
    let texts: Vec<_> = document.descendants().filter_map(|node| node.text()).collect();
    assert!(texts.iter().any(|text| text.contains("script") && text.contains("\\u{202e}")), "{texts:?}");
    let empty = ShutdownReport::default();
    assert!(empty.critical_chain().is_empty() && empty.slowest_home().is_none());
    is_sound(&empty);
    assert!(empty.waterfall().to_string().starts_with("waterfall of"));
}

#[test]
fn wf3_a_thousand_threads_fit() {
    // catches: a file that grows with the threads, names that no picture has room for
    let alike = shut(|s| {
        for n in 0..1_000 {
            s.spawn(format!("worker-{n}"), "is one of many", slow(0))?;
        }
        Ok(drop(s.service("clock", "is told last", slow(5))?))
    });
    is_sound(&alike);
    let text = alike.waterfall().to_string();
    assert!(
        (text.contains("worker-* x999") || text.contains("worker-* x1,000")) && text.lines().count() < 10,
        "{text}"
    );
    let odd = shut(|s| {
        for n in 0..1_000u32 {
            let letter = |place: u32| char::from_u32(0x4e00 + n * 3 + place).unwrap_or('x');
            let name: String =
                (0..600).map(|place| if place % 2 == 0 { letter(place) } else { '&' }).collect();
            s.spawn(name, HOSTILE, slow(u64::from(n % 7)))?;
        }
        Ok(())
    });
    assert_eq!(odd.total, 1_000);
    is_sound(&odd);
    assert!(odd.waterfall().to_svg().contains(" more"), "the rest has a bar");
}
