from lessonkit.explorer import *
