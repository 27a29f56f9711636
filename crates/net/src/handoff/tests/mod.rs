mod batch;
mod inbox;
mod layout;
