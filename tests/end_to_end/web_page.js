// What a web page does: it reads events with the WebSocket that every browser has, and Node.js too.
//
// node web_page.js <address>; each event and how it ended is a line of JSON. A line on the standard
// input is sent as it is.

"use strict";

const readline = require("node:readline");

const socket = new WebSocket(process.argv[2]);
const tell = (line) => console.log(JSON.stringify(line));

socket.onopen = () => tell("open");
socket.onmessage = ({ data }) => tell(JSON.parse(data));
socket.onclose = ({ code, reason, wasClean }) => {
  tell({ code, reason, wasClean });
  process.exit();
};
readline.createInterface({ input: process.stdin }).on("line", (line) => socket.send(line));
