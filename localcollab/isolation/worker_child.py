"""The child process that serves this machine's devices; `worker` is its only user. It may crash."""

import sys

from localcollab.llama.rpc import parse_address, serve_devices

if __name__ == "__main__":
    serve_devices(parse_address(sys.argv[1]), int(sys.argv[2]))
