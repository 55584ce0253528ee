"""Training of what a file declares, and what one does with the model that comes out: evaluation and prediction."""

from archlang.train.data.items import Items
from archlang.train.data.splits import Data, Tensors
from archlang.train.kept.runs import Run, newest_folder, next_folder
from archlang.train.loop.engine import fit
from archlang.train.loop.evaluation import ClassScore, Evaluation, evaluate
from archlang.train.loop.progress import Beat, Epoch, Outline, Progress, Result
from archlang.train.named_prediction import predict_named
from archlang.train.prediction import Guess, Prediction, predict

__all__ = [
    "Beat", "ClassScore", "Data", "Epoch", "Evaluation", "Guess", "Items", "Outline", "Prediction", "Progress",
    "Result", "Run", "Tensors", "evaluate", "fit", "newest_folder", "next_folder", "predict",
    "predict_named",
]
