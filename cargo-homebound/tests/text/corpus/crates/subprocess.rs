// In the manner of subprocess, duct and evcxr: children, and threads that read what they say.
use homebound::{Context, Scope};
use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

fn run(cx: &Context) -> homebound::Result {
    let status = Command::new("make").arg("-j4").status()?; //~ deaf-wait
    let said = Command::new("git").args(["describe", "--tags"]).output()?; //~ deaf-wait
    let mut child = Command::new("sh").stdout(Stdio::piped()).spawn()?; //~ none
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    for line in lines { //~ deaf-wait
        println!("{}", line?);
    }
    child.wait()?; //~ deaf-wait
    Ok(())
}

fn poll(child: &mut Child) -> Option<i32> {
    while child.try_wait().ok()?.is_none() {
        std::thread::sleep(Duration::from_millis(10)); //~ none
    }
    None
}

fn read_all(cx: &Context, mut child: Child) -> homebound::Result<String> {
    let mut text = String::new();
    child.stdout.as_mut().unwrap().read_to_string(&mut text)?; //~ deaf-wait
    let output = child.wait_with_output()?; //~ deaf-wait
    Ok(text)
}

fn follow(cx: &Context, child: &mut Child) {
    let reader = BufReader::new(cx.io(child.stdout.take().unwrap()));
    for line in reader.lines().flatten() { //~ deaf-loop
        println!("{line}");
    }
}

fn follow_well(cx: &Context, child: &mut Child) -> homebound::Result {
    for line in BufReader::new(cx.io(child.stdout.take().unwrap())).lines() { //~ none
        println!("{}", line?);
    }
    Ok(())
}

fn follow_quietly(cx: &Context, child: &mut Child) {
    let reader = BufReader::new(cx.io(child.stdout.take().unwrap()));
    for line in reader.lines() { //~ deaf-loop
        let Ok(line) = line else { continue };
        println!("{line}");
    }
    let _ = std::fs::read_to_string("log").unwrap().lines().flat_map(str::chars).count(); //~ none
}

fn managed<'s>(scope: &'s Scope<'s, '_>) -> homebound::Result {
    let child = scope.process("make", "builds the project", Command::new("make")).spawn()?;
    child.wait()?; //~ none
    Ok(())
}
