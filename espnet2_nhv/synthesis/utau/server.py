"""A resampler that stays: one process sings the notes of many short-lived ones.

UTAU and OpenUtau start a process a note, which would spend its time on starting. So that process only asks: it sends
its arguments as JSON to a server on this machine.
"""

import http.client
import json
import logging
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Callable, Optional, Sequence

from espnet2_nhv.errors import UserError

PORT = 8772
HOST = "127.0.0.1"
# No page in a browser can send it without being asked whether it may, which it is not told.
_HEADER = "X-NHV-Resampler"
_LARGEST = 4 * 2**20  # bytes of a request: a pitch bend of an hour
_PATIENCE = 120.0  # s, for a note


class ResamplerServer(ThreadingHTTPServer):
    """Answers requests of this machine, one note at a time.

    Parameters
    ----------
    render : function of a list of str, the arguments; raises UserError
    port : int, 0 takes a free one; see ``server_port``
    """

    daemon_threads = True

    def __init__(self, render: Callable[[Sequence[str]], None], port: int = PORT):
        self.render, self.lock, self.n_sung = render, threading.Lock(), 0
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise UserError(f"port {port} of this machine cannot be served ({error}): give another --port") from None


class _Handler(BaseHTTPRequestHandler):
    server: ResamplerServer

    def do_POST(self) -> None:
        host = (self.headers.get("Host") or "").rpartition(":")[0]
        if self.headers.get(_HEADER) != "1" or host not in (HOST, "localhost"):
            self._answer(403, "not a resampler's request")
            return
        try:
            size = int(self.headers.get("Content-Length") or 0)
            if not 0 < size <= _LARGEST:
                raise UserError("a request of no or of too many bytes")
            arguments = json.loads(self.rfile.read(size))
            if not isinstance(arguments, list) or not all(isinstance(x, str) for x in arguments):
                raise UserError("a request is a list of strings")
            with self.server.lock:  # PyTorch uses the cores as it is told; two notes at once would only wait
                self.server.render(arguments)
                self.server.n_sung += 1
        except UserError as error:
            logging.warning("%s", error)
            self._answer(400, str(error))
        except (ValueError, OSError) as error:
            logging.warning("%s", error)
            self._answer(400, f"not to be done: {error}")
        else:
            self._answer(200, "sung")

    def _answer(self, status: int, text: str) -> None:
        content = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, form: str, *arguments) -> None:
        logging.debug(form, *arguments)


def ask(arguments: Sequence[str], port: int = PORT) -> Optional[str]:
    """Have a server of this machine sing; None if there is none.

    Returns
    -------
    answer : str, empty if it has sung, else why it has not
    """
    connection = http.client.HTTPConnection(HOST, port, timeout=_PATIENCE)
    try:
        connection.request("POST", "/", json.dumps(list(arguments)).encode(), {_HEADER: "1"})
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
    except ConnectionRefusedError:
        return None
    except (OSError, http.client.HTTPException) as error:
        return f"the resampler's server on port {port} does not answer ({error})"
    finally:
        connection.close()
    return "" if response.status == 200 else text
