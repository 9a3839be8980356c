//! Owns the rows of a thread's daily work: T5 asks whether to stop, T6 receives.
//! Refuses to measure sends, because both sides send by crossbeam itself.

use std::hint::black_box;
use std::time::Instant;

use crossbeam_channel::{Receiver, bounded};
use homebound::Context;
use tokio_util::sync::CancellationToken;

use crate::measure::{Plan, in_turns, micros_each, nanos, turn};
use crate::row::{Goal, Row};
use crate::spawn::in_root;

const CROSSBEAM: &str = "crossbeam recv";

pub(crate) fn t5(plan: &Plan) -> Vec<Row> {
    let count = plan.of(20_000_000);
    let sides = in_root(|root| {
        let cx = black_box(root.context());
        let token = black_box(CancellationToken::new());
        let turns = vec![
            turn("homebound", || hot(count, || cx.is_stopping())),
            turn("CancellationToken", || hot(count, || token.is_cancelled())),
            turn("empty loop", || hot(count, || false)),
        ];
        in_turns(plan.times(3), turns)
    });
    let over = [sides[0].clone(), sides[2].clone()];
    vec![
        Row::pair("T5", "is_stopping() in a hot loop", "ns", &sides[..2], Goal::Ratio(0.15)),
        Row::pair("T5", "is_stopping() over an empty loop", "ns", &over, Goal::Over(1.0)),
    ]
}

fn hot(count: usize, asked: impl Fn() -> bool) -> f64 {
    let mut stopped = 0;
    let each = nanos(count, || stopped += usize::from(black_box(asked())));
    assert_eq!(stopped, 0, "nobody stops it");
    each
}

pub(crate) fn t6(plan: &Plan) -> Vec<Row> {
    let (messages, trips) = (plan.of(3_000_000), plan.of(300_000));
    let pair = |ours: Box<dyn FnMut() -> f64>, peer: Box<dyn FnMut() -> f64>| {
        in_turns(plan.times(3), vec![("homebound", ours), (CROSSBEAM, peer)])
    };
    let busy = pair(Box::new(move || busy(messages, ours)), Box::new(move || busy(messages, peer)));
    let ready =
        pair(Box::new(move || ready(messages / 10, ours)), Box::new(move || ready(messages / 10, peer)));
    let ping = pair(Box::new(move || ping_pong(trips, ours)), Box::new(move || ping_pong(trips, peer)));
    vec![
        Row::pair("T6", "recv, bounded(1024), another thread sends", "ns", &busy, Goal::Ratio(1.0)),
        Row::pair("", "  the same, all messages ready", "ns", &ready, Goal::None),
        Row::pair("T6", "recv in a ping-pong, round trip", "us", &ping, Goal::Ratio(1.15)),
    ]
}

type Recv = fn(&Context, &Receiver<u64>) -> u64;

fn ours(cx: &Context, receiver: &Receiver<u64>) -> u64 {
    cx.recv(receiver).unwrap()
}

fn peer(_: &Context, receiver: &Receiver<u64>) -> u64 {
    receiver.recv().unwrap()
}

/// Nanoseconds for each message of a producer that waits for room only.
fn busy(messages: usize, recv: Recv) -> f64 {
    in_root(|root| {
        let (sender, receiver) = bounded(1024);
        let producer = root.spawn("producer", "sends numbers", move |_| {
            (0..messages as u64).try_for_each(|number| sender.send(number)).map_err(Into::into)
        });
        let cx = root.context();
        let start = Instant::now();
        let sum: u64 = (0..messages).map(|_| recv(cx, &receiver)).sum();
        let each = micros_each(start, messages) * 1e3;
        assert_eq!(sum, sum_of(messages));
        producer.unwrap().join().unwrap();
        each
    })
}

/// Nanoseconds for each message of a full channel.
fn ready(messages: usize, recv: Recv) -> f64 {
    in_root(|root| {
        let (sender, receiver) = bounded(messages);
        (0..messages as u64).for_each(|number| sender.send(number).unwrap());
        let cx = root.context();
        let start = Instant::now();
        let sum: u64 = (0..messages).map(|_| recv(cx, &receiver)).sum();
        let each = micros_each(start, messages) * 1e3;
        assert_eq!(sum, sum_of(messages));
        each
    })
}

/// Microseconds for each number that goes to another thread and comes back.
fn ping_pong(trips: usize, recv: Recv) -> f64 {
    in_root(|root| {
        let ((there, arrivals), (back, returns)) = (bounded(1), bounded(1));
        let echo = root.spawn("echo", "sends back what it gets", move |cx| {
            (0..trips).try_for_each(|_| back.send(recv(cx, &arrivals))).map_err(Into::into)
        });
        let cx = root.context();
        let start = Instant::now();
        let mut sum = 0;
        for number in 0..trips as u64 {
            there.send(number).unwrap();
            sum += recv(cx, &returns);
        }
        let each = micros_each(start, trips);
        assert_eq!(sum, sum_of(trips));
        echo.unwrap().join().unwrap();
        each
    })
}

fn sum_of(count: usize) -> u64 {
    let count = count as u64;
    count * (count - 1) / 2
}
