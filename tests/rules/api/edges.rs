//! Edges, locks and cycles of a snapshot.

use std::time::Duration;

use homebound::status::{Cycle, Edge, Lock, LockKind, Snapshot, ThreadStatus, Wanted};
use homebound::{KernelStatus, ThreadId};

use super::is;

#[test]
fn signatures_of_edges() {
    let _: fn(ThreadStatus, Snapshot) = edges;
    let _: fn(Lock) -> u64 = kinds;
}

fn edges(row: ThreadStatus, snapshot: Snapshot) {
    let edges: Vec<Edge> = row.waits_for;
    for Edge { thread, path, known, os_tid, lock, why, .. } in edges {
        is::<Option<&'static str>>(why);
        is::<(Option<ThreadId>, String, bool)>((thread, path, known));
        is::<(Option<u32>, Option<Lock>)>((os_tid, lock));
    }
    let cycles: Vec<Cycle> = snapshot.cycles;
    for Cycle { edges, known, .. } in cycles {
        is::<(Vec<Edge>, bool)>((edges, known));
    }
    is::<Option<KernelStatus>>(row.kernel);
    if let Some(Wanted { lock, why, .. }) = row.wants {
        is::<(Lock, String)>((lock, why));
    }
    is::<Option<Duration>>(row.asleep_for);
}

fn kinds(Lock { kind, address, .. }: Lock) -> u64 {
    let known = matches!(kind, LockKind::Pthread | LockKind::PriorityInheriting);
    let guessed = matches!(kind, LockKind::StdMutex | LockKind::ParkingLot);
    let shared = matches!(kind, LockKind::StdRwLock | LockKind::ParkingLotRwLock);
    is::<[bool; 3]>([known, guessed, shared]);
    is::<String>(kind.to_string());
    address
}
