"""An engine: it measures with threads of this process."""

from concurrent.futures import ThreadPoolExecutor

from gate.measure.engines.engine import Engine
from gate.measure.engines.worker_task import measure_unit


class Threads(Engine):
    def __init__(self, workers):
        super().__init__(workers)
        self.pool = ThreadPoolExecutor(workers)

    def submit(self, job, unit):
        return self.pool.submit(measure_unit, job, unit)

    def close(self):
        self.pool.shutdown(cancel_futures=True)
