//! Owns the model of the future of `homebound-tokio` that waits for a thread: in every order the
//! task that has polled it last is woken.
//! Refuses to run an executor: the model polls by itself, as two tasks would.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use shuttle::sync::{Condvar, Mutex};

use super::explore;
use crate::scope;
use joined::joined;

#[path = "../../homebound-tokio/src/joined.rs"]
#[allow(unreachable_pub)]
mod joined;

/// A task that sleeps until it is woken.
#[derive(Default)]
struct Task {
    is_woken: Mutex<bool>,
    woken: Condvar,
}

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        *self.is_woken.lock().unwrap() = true;
        self.woken.notify_all();
    }
}

impl Task {
    /// A lost wake-up is a deadlock, which the checker finds.
    fn sleep(&self) {
        let mut is_woken = self.is_woken.lock().unwrap();
        while !*is_woken {
            is_woken = self.woken.wait(is_woken).unwrap();
        }
    }
}

#[test]
fn joined_by_two_tasks() {
    explore("joined_by_two_tasks", || {
        let sum = scope(|s| {
            let mut future = pin!(joined(s.spawn("adder", "adds", |_| Ok(1 + 2))?));
            let tasks = [Arc::new(Task::default()), Arc::new(Task::default())];
            let mut poll = |task: &Arc<Task>| {
                let waker = Waker::from(Arc::clone(task));
                future.as_mut().poll(&mut Context::from_waker(&waker))
            };
            for task in &tasks {
                if let Poll::Ready(sum) = poll(task) {
                    return Ok(sum?);
                }
            }
            // The future has moved to the last task, so that one is woken.
            tasks[1].sleep();
            match poll(&tasks[1]) {
                Poll::Ready(sum) => Ok(sum?),
                Poll::Pending => panic!("the task was woken before the thread had ended"),
            }
        });
        assert_eq!(sum.unwrap(), 3);
    });
}
