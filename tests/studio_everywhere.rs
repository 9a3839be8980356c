//! Owns the search for a point at which the studio's pipeline does not stand a stop, a panic or a
//! refused thread.
//! Refuses to run the program: its modules are built in, so that each run is in this process, where
//! the points are met.
#![cfg(unix)]
#![allow(dead_code, unreachable_pub, reason = "in a program, `pub` tells what a module is for the others")]

#[path = "../examples/studio/bundle.rs"]
mod bundle;
#[path = "../examples/studio/children.rs"]
mod children;
#[path = "../examples/studio/console.rs"]
mod console;
#[path = "../examples/studio/controller.rs"]
mod controller;
#[path = "../examples/studio/decode.rs"]
mod decode;
#[path = "../examples/studio/echo.rs"]
mod echo;
#[path = "../examples/studio/exhibits.rs"]
mod exhibits;
#[path = "../examples/studio/faults.rs"]
mod faults;
#[path = "../examples/studio/folder.rs"]
mod folder;
#[path = "../examples/studio/handover.rs"]
mod handover;
#[path = "../examples/studio/health.rs"]
mod health;
#[path = "../examples/studio/instance.rs"]
mod instance;
#[path = "../examples/studio/options.rs"]
mod options;
#[path = "../examples/studio/output.rs"]
mod output;
#[path = "../examples/studio/page.rs"]
mod page;
#[path = "../examples/studio/pictures.rs"]
mod pictures;
#[path = "../examples/studio/progress.rs"]
mod progress;
#[path = "../examples/studio/queue.rs"]
mod queue;
#[path = "../examples/studio/runtime.rs"]
mod runtime;
#[path = "../examples/studio/samples.rs"]
mod samples;
#[path = "../examples/studio/scanner.rs"]
mod scanner;
#[path = "../examples/studio/serve.rs"]
mod serve;
#[path = "../examples/studio/setback.rs"]
mod setback;
#[path = "../examples/studio/sheet.rs"]
mod sheet;
#[path = "../examples/studio/stages.rs"]
mod stages;
#[path = "../examples/studio/studio.rs"]
mod studio;
#[path = "../examples/studio/tally.rs"]
mod tally;
#[path = "../examples/studio/text.rs"]
mod text;
#[path = "../examples/studio/thumbs.rs"]
mod thumbs;
#[path = "../examples/studio/visitor.rs"]
mod visitor;
#[path = "../examples/studio/watchdog.rs"]
mod watchdog;
#[path = "../examples/studio/webui.rs"]
mod webui;

use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};

use homebound_testing::StopEverywhere;
use image::{Rgb, RgbImage};

use options::Options;
use studio::Studio;

/// How many points of each kind are tried: enough for each line that waits, few enough for every
/// day.
const POINTS: usize = 60;

#[test]
fn the_pipeline_stands_a_stop_a_panic_and_a_refusal_at_every_point() {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("studio-everywhere");
    let _fresh = fs::remove_dir_all(&dir);
    let pictures = dir.join("pictures");
    fs::create_dir_all(&pictures).unwrap();
    for number in 0..12_u8 {
        let picture = RgbImage::from_fn(8, 8, |x, y| Rgb([x as u8, y as u8, number]));
        picture.save(pictures.join(format!("{number}.png"))).unwrap();
    }
    let runs = AtomicUsize::new(0);
    let tried = StopEverywhere::new().at_most(POINTS).run(|scope| {
        let number = runs.fetch_add(1, Ordering::Relaxed);
        let out = dir.join(format!("out-{number}"));
        let options = Options { folder: pictures.clone(), out, workers: 2, ..Options::default() };
        // It has to outlive all threads, and here there is no place that does.
        controller::run(scope, Box::leak(Box::new(Studio::open(options)?)))
    });
    let tried = tried.unwrap_or_else(|trouble| panic!("{trouble}"));
    println!("{tried}");
    assert!(tried.stops >= 20 && tried.panics >= 20 && tried.refusals >= 5, "{tried}");
    // What a stop or a panic has left is whole.
    for out in fs::read_dir(&dir).unwrap().flatten() {
        for file in fs::read_dir(out.path()).into_iter().flatten().flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            if name.ends_with(".png") {
                assert!(image::open(file.path()).is_ok(), "{} is broken", file.path().display());
            }
        }
    }
}
