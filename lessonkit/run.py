from lessonkit.runner import *
