# Trains the small run that the test of act.cpp loads.
file(REMOVE_RECURSE ${RUN})
execute_process(COMMAND ${REVERIE} train --env maze2d-umaze --agent ddpg --preset none --steps 400 --quiet
                        --hidden-sizes 16 --learning-starts 100 --run ${RUN}
                COMMAND_ERROR_IS_FATAL ANY)
