//! A hello with std's threads: what the others are compared with.

fn main() {
    std::thread::spawn(|| println!("hello")).join().unwrap();
}
