//! Sockets that are passed on by their descriptors, to other processes and to Node's own streams and servers, and sockets that are
//! adopted from there.

use std::io;

use ferrohttp_net::{ConnectionId, Descriptor};
use napi::bindgen_prelude::{Buffer, Result};
use napi_derive::napi;

use crate::environment::BindingEnvironment;

/// A connection's socket that has been given up.
#[napi(object)]
pub struct BindingGivenUp {
    /// 0, or the system's error number; -1 if there is none.
    pub errno: i32,
    /// The caller has to close it. -1 after an error.
    pub fd: i32,
    /// Bytes that were received and that are in no record.
    pub unread: Option<Buffer>,
}

/// A descriptor, or the error number.
#[napi(object)]
pub struct BindingDescriptor {
    /// As in `BindingGivenUp`.
    pub errno: i32,
    /// As in `BindingGivenUp`.
    pub fd: i32,
}

/// Gives up a connection's socket. Bytes that were written before are sent, and the connection's CLOSED record follows.
#[napi(catch_unwind)]
pub fn give_up_connection(
    environment: &BindingEnvironment,
    slot: u32,
    generation: u32,
) -> Result<BindingGivenUp> {
    let id = ConnectionId { slot, generation };
    let given = environment.shared().give_up(id).and_then(|given| {
        let fd = given.descriptor.into_number()?;
        Ok((fd, given.unread))
    });
    Ok(match given {
        Ok((fd, unread)) => BindingGivenUp {
            errno: 0,
            fd,
            unread: (!unread.is_empty()).then(|| unread.into()),
        },
        Err(error) => BindingGivenUp {
            errno: number(&error),
            fd: -1,
            unread: None,
        },
    })
}

/// A descriptor of a server's listening socket. With `give_up` the receiver of the descriptor accepts from now on, and the caller
/// closes the server's listener.
#[napi(catch_unwind)]
pub fn listening_descriptor(
    environment: &BindingEnvironment,
    server: u32,
    give_up: bool,
) -> Result<BindingDescriptor> {
    let descriptor = environment
        .shared()
        .listening_descriptor(server, give_up)
        .and_then(Descriptor::into_number);
    Ok(match descriptor {
        Ok(fd) => BindingDescriptor { errno: 0, fd },
        Err(error) => BindingDescriptor {
            errno: number(&error),
            fd: -1,
        },
    })
}

/// A connection that libuv has accepted.
#[napi(object)]
pub struct BindingAdopted {
    /// As in `BindingGivenUp`.
    pub errno: i32,
    /// The connection's id.
    pub slot: u32,
    /// The same.
    pub generation: u32,
    /// The addresses of both ends, as in OPEN records.
    pub addresses: String,
}

/// Serves the connection whose socket has the descriptor `fd`, and on which nothing has been read or written. The caller closes
/// its descriptor, also after an error.
#[napi(catch_unwind)]
pub fn adopt_connection(
    environment: &BindingEnvironment,
    server: u32,
    fd: i32,
) -> Result<BindingAdopted> {
    let adopted = Descriptor::of_number(fd)
        .and_then(|descriptor| environment.shared().adopt(server, descriptor));
    Ok(match adopted {
        Ok(adopted) => BindingAdopted {
            errno: 0,
            slot: adopted.id.slot,
            generation: adopted.id.generation,
            addresses: adopted.addresses,
        },
        Err(error) => BindingAdopted {
            errno: number(&error),
            slot: 0,
            generation: 0,
            addresses: String::new(),
        },
    })
}

fn number(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(-1)
}
