//! Owns the rows of blocking calls: an echo through a socket, the stop of threads that are blocked
//! in calls or at condvars.
//! Refuses to be more than one connection: the rows compare the cost of a message, not of a
//! network.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crossbeam_channel::bounded;
use homebound::Context;
use parking_lot::{Condvar, Mutex};

use crate::measure::{Plan, in_turns, micros_each, turn};
use crate::row::{Goal, Row};
use crate::spawn::in_root;
use crate::stop::settle;

const THREADS: usize = 1000;

pub(crate) fn io(plan: &Plan) -> Vec<Row> {
    let trips = plan.of(20_000);
    let echoes = vec![turn("homebound", || echo(trips, true)), turn("std", || echo(trips, false))];
    let echo = in_turns(plan.rounds, echoes);
    let threads = plan.of(THREADS);
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let accept = |cx: &Context, _: usize, _: &UnixStream| drop(cx.accept(&listener));
    let read = |cx: &Context, _: usize, stream: &UnixStream| drop(cx.io(stream).read(&mut [0]));
    let places: Vec<_> = (0..threads).map(|_| (Condvar::new(), Mutex::new(()))).collect();
    let wait = |cx: &Context, (condvar, mutex): &(Condvar, Mutex<()>)| {
        drop(cx.wait_while(condvar, &mut mutex.lock(), |()| true));
    };
    let (_keep, never) = bounded::<()>(0);
    let recv = |cx: &Context, _: usize, _: &UnixStream| drop(cx.recv(&never));
    let stops = vec![
        turn("accept", || stopped(threads, accept)),
        turn("read", || stopped(threads, read)),
        turn("at one", || stopped(threads, |cx, _, _| wait(cx, &places[0]))),
        turn("at many", || stopped(threads, |cx, i, _| wait(cx, &places[i]))),
        turn("in recv", || stopped(threads, recv)),
    ];
    let stops = in_turns(plan.rounds, stops);
    let beside = |which: usize| [which, 4].map(|side| stops[side].clone());
    let what = |call| format!("stop to all joined, {threads} threads in {call}, each");
    vec![
        Row::pair("IO", "echo of 64 bytes through a socket, round trip", "us", &echo, Goal::Ratio(1.15)),
        Row::pair("IO", what("accept"), "us", &beside(0), Goal::Ratio(2.0)),
        Row::pair("IO", what("read"), "us", &beside(1), Goal::Ratio(2.0)),
        Row::pair("IO", what("wait_while at one condvar"), "us", &beside(2), Goal::Ratio(2.0)),
        Row::pair("IO", what("wait_while at their own"), "us", &beside(3), Goal::Ratio(2.0)),
    ]
}

/// Microseconds for each message that comes back; only the side that echoes differs.
fn echo(trips: usize, ours: bool) -> f64 {
    in_root(|root| {
        let (mut here, there) = UnixStream::pair().unwrap();
        let echo = root.spawn("echo", "sends back what it gets", move |cx| {
            if ours { serve(cx.io(&there), cx.io(&there)) } else { serve(&there, &there) }
        });
        let mut message = [7; 64];
        let start = Instant::now();
        for _ in 0..trips {
            here.write_all(&message).unwrap();
            here.read_exact(&mut message).unwrap();
        }
        let each = micros_each(start, trips);
        drop(here);
        assert_eq!(echo.unwrap().join().unwrap(), trips * message.len());
        each
    })
}

fn serve(mut from: impl Read, mut to: impl Write) -> homebound::Result<usize> {
    let (mut buffer, mut total) = ([0; 1024], 0);
    loop {
        let count = from.read(&mut buffer)?;
        if count == 0 {
            return Ok(total);
        }
        to.write_all(&buffer[..count])?;
        total += count;
    }
}

/// Microseconds for each thread from the stop to the last one home.
fn stopped(threads: usize, wait: impl Fn(&Context, usize, &UnixStream) + Sync) -> f64 {
    let up = AtomicUsize::new(0);
    let streams: Vec<_> =
        (0..threads).map(|_| UnixStream::pair().expect("descriptors: ulimit -n 4096")).collect();
    let mut start = Instant::now();
    homebound::scope(|scope| {
        for (i, (stream, _)) in streams.iter().enumerate() {
            let (up, wait) = (&up, &wait);
            scope.spawn("blocked", "waits for the stop", move |cx| {
                up.fetch_add(1, Ordering::Release);
                wait(cx, i, stream);
                Ok(())
            })?;
        }
        settle(&up, threads);
        start = Instant::now();
        scope.stop();
        Ok(())
    })
    .unwrap();
    micros_each(start, threads)
}
