// In the manner of attohttpc, mqttc and memcache: connections.
use homebound::Context;
use std::io::{BufReader, BufRead, Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::os::unix::net::UnixStream;
use std::time::Duration;

fn connect(cx: &Context, address: std::net::SocketAddr) -> homebound::Result<TcpStream> {
    if let Ok(stream) = TcpStream::connect_timeout(&address, Duration::from_secs(3)) { //~ deaf-wait
        return Ok(stream);
    }
    let local = UnixStream::connect("/run/broker")?; //~ deaf-wait
    let stream = TcpStream::connect(address)?; //~ deaf-wait
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn talk(cx: &Context, mut stream: TcpStream) -> homebound::Result {
    let mut answer = [0; 512];
    stream.write_all(b"PING\r\n")?; //~ deaf-wait
    let n = stream.read(&mut answer)?; //~ deaf-wait
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    reader.read_line(&mut line)?; //~ deaf-wait
    let mut body = Vec::new();
    std::io::Cursor::new(&answer[..n]).read_to_end(&mut body)?; //~ none
    Ok(())
}

fn listen(cx: &Context, socket: &UdpSocket) -> homebound::Result {
    let mut packet = [0; 1500];
    loop {
        let (n, from) = socket.recv_from(&mut packet)?; //~ deaf-wait
        cx.checkpoint()?;
        answer(&packet[..n], from);
    }
}

fn listen_moved(cx: &Context, socket: &UdpSocket) {
    let mut packet = [0; 1500];
    loop {
        if cx.wait_readable(socket, None).is_err() { //~ deaf-loop
            continue;
        }
        if let Ok((n, from)) = socket.recv_from(&mut packet) { //~ deaf-wait
            answer(&packet[..n], from);
        }
    }
}

fn keep_alive(cx: &Context, stream: UnixStream) {
    let mut io = cx.io(stream);
    let mut buffer = [0; 64];
    loop {
        let Ok(n) = io.read(&mut buffer) else { continue }; //~ deaf-loop
        if n == 0 {
            break;
        }
    }
}

fn keep_alive_well(cx: &Context, stream: UnixStream) -> homebound::Result {
    let mut io = cx.io(stream);
    let mut buffer = [0; 64];
    loop {
        match io.read(&mut buffer) { //~ none
            Ok(0) | Err(_) => return Ok(()),
            Ok(n) => answer_stream(&buffer[..n]),
        }
    }
}
