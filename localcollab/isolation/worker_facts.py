"""The child process that asks a worker what memory it has free; `worker` is its only user. It may crash.

Prints the bytes. Exit 3: the last line of stderr says why not.
"""

import sys

from localcollab.errors import LocalcollabError
from localcollab.llama.rpc import parse_address, worker_memory

if __name__ == "__main__":
    try:
        print(worker_memory(parse_address(sys.argv[1]))[0])
    except LocalcollabError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
